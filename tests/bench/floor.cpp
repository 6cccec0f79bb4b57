// The least that the work of W1 can cost: one loop for one replica, ten operators priced by a roofline, no request kept
// but its times, no metric but their sums. `foretoken_floor [requests] [requests per second]`.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

namespace {

constexpr std::int64_t kPrompt = 512;
constexpr std::int64_t kOutput = 256;
constexpr std::int64_t kMaxNumSeqs = 256;
constexpr std::int64_t kBudget = 2048;
constexpr double kPeakFlops = 989.4e12 * 0.7;  // H100 SXM, bf16 dense
constexpr double kBandwidth = 3.35e12 * 0.8;   // bytes/s
constexpr double kStepOverhead = 300e-6;       // s

// Llama-3.1-8B: GEMMs (weights, bytes) of one layer times 32, LM head, and what reads activations.
struct Operator {
  double flops_per_token;
  double bytes;
  double bytes_per_token;
};
constexpr double kLayers = 32;
constexpr Operator gemm(double in, double out, double times) {
  return {2 * in * out * times, 2 * in * out * times, 2 * (in + out) * times};
}
constexpr std::array kOperators = {
    gemm(4096, 6144, kLayers),      gemm(4096, 4096, kLayers),          gemm(4096, 28672, kLayers),
    gemm(14336, 4096, kLayers),     Operator{0, 0, 4 * 4096 * kLayers}, Operator{0, 0, 4 * 5120 * kLayers},
    Operator{0, 0, 4096 * kLayers}, Operator{0, 0, 86016 * kLayers},    gemm(4096, 128256, 1),
};
constexpr double kContextBytes = 2.0 * 2 * 8 * 128 * kLayers;  // of one token of context: K and V, 8 heads of 128, bf16

double step_without_context(std::int64_t tokens) {
  double seconds = kStepOverhead;
  const auto n = static_cast<double>(tokens);
  for (const Operator& op : kOperators)
    seconds += std::max(op.flops_per_token * n / kPeakFlops, (op.bytes + op.bytes_per_token * n) / kBandwidth);
  return seconds;
}
constexpr double kPerContextToken = kContextBytes / kBandwidth;

struct Random {
  std::uint64_t state = 1;
  double uniform() {
    state += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (static_cast<double>((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
  }
};

struct Totals {
  double ttft = 0, tpot = 0, end = 0;
  std::int64_t iterations = 0, finished = 0;
};

struct Running {
  std::int64_t last_step;  // decode step in which the request ends
  double arrival, first;
  bool operator>(const Running& other) const { return last_step > other.last_step; }
};

// Both modes step through prefills one by one; with `stretches` the decode-only steps until the next arrival or finish
// are one iteration: their time is an arithmetic series, the boundary after an arrival one square root.
Totals simulate(std::int64_t requests, double rate, bool stretches) {
  Random random;
  Totals totals;
  std::priority_queue<Running, std::vector<Running>, std::greater<>> decoding;
  std::deque<double> waiting;
  std::vector<double> starting;
  std::int64_t sent = 0, decode_steps = 0, context = 0;
  double now = 0, next_arrival = -std::log(random.uniform()) / rate, left_of_first = kPrompt;
  while (totals.finished < requests) {
    const auto admit_until = [&](double time) {
      while (sent < requests && next_arrival <= time) {
        waiting.push_back(next_arrival);
        ++sent;
        next_arrival -= std::log(random.uniform()) / rate;
      }
    };
    admit_until(now);
    if (decoding.empty() && waiting.empty()) {
      now = next_arrival;
      continue;
    }
    const auto batch = static_cast<std::int64_t>(decoding.size());
    std::int64_t budget = kBudget - batch, prefill = 0;
    starting.clear();
    while (!waiting.empty() && budget > 0 && batch + static_cast<std::int64_t>(starting.size()) < kMaxNumSeqs) {
      const auto chunk = std::min(budget, static_cast<std::int64_t>(left_of_first));
      budget -= chunk;
      prefill += chunk;
      left_of_first -= static_cast<double>(chunk);
      if (left_of_first > 0) break;
      starting.push_back(waiting.front());
      waiting.pop_front();
      left_of_first = kPrompt;
    }
    const double first_step =
        step_without_context(batch + prefill) + kPerContextToken * static_cast<double>(context + prefill);
    std::int64_t steps = 1;
    double seconds = first_step;
    if (stretches && prefill == 0) {
      // S(k) = a k + b k (k - 1) / 2; the arrival at t is seen at the first k with S(k) >= t.
      const double a = first_step, b = kPerContextToken * static_cast<double>(batch);
      steps = decoding.top().last_step - decode_steps;
      if (sent < requests && batch < kMaxNumSeqs) {
        const double half = a - b / 2, until = next_arrival - now;
        steps = std::clamp<std::int64_t>(
            static_cast<std::int64_t>(std::ceil((std::sqrt(half * half + 2 * b * until) - half) / b)), 1, steps);
      }
      const auto k = static_cast<double>(steps);
      seconds = a * k + b * k * (k - 1) / 2;
    }
    ++totals.iterations;
    now += seconds;
    decode_steps += steps;
    context += batch * steps;
    while (!decoding.empty() && decoding.top().last_step <= decode_steps) {
      const Running& done = decoding.top();
      totals.tpot += (now - done.first) / static_cast<double>(kOutput);
      totals.ttft += done.first - done.arrival;
      context -= kPrompt + kOutput - 1;
      ++totals.finished;
      decoding.pop();
    }
    for (const double arrival : starting) {
      decoding.push({decode_steps + kOutput - 1, arrival, now});
      context += kPrompt;
    }
  }
  totals.end = now;
  return totals;
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t requests = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  const double rate = argc > 2 ? std::atof(argv[2]) : 24.8;
  if (requests <= 0 || !(rate > 0)) {
    std::fputs("usage: foretoken_floor [requests] [requests per second]\n", stderr);
    return 2;
  }
  for (const bool stretches : {false, true}) {
    const double start = cpu_seconds();
    const Totals totals = simulate(requests, rate, stretches);
    const double seconds = cpu_seconds() - start;
    const auto n = static_cast<double>(requests);
    std::printf("%s requests_per_second %.0f ns_per_request %.1f iterations %lld ttft_ms %.4f tpot_ms %.4f\n",
                stretches ? "mode2" : "mode1", n / seconds, 1e9 * seconds / n,
                static_cast<long long>(totals.iterations), 1e3 * totals.ttft / n, 1e3 * totals.tpot / n);
  }
}
