// The fixed point of Little's law, by halving.
#include "study/batch/operating_point.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "experiment/steady/sampler.hpp"
#include "serving/engines/engine_profile.hpp"
#include "study/batch/static.hpp"

namespace foretoken {
namespace {

constexpr int kHalvings = 26;  // to a millionth of a request

class Engine {
 public:
  Engine(const Scenario& s, const MeanRequest& request)
      : scenario_(s), request_(request), cost_(make_cost_model(s.deployment)) {}

  // Seconds of a decode step of `batch` sequences, which need not be whole.
  [[nodiscard]] double decode(double batch) const {
    const auto low = static_cast<std::int64_t>(std::max(1.0, std::floor(batch)));
    const double share = std::max(0.0, batch - static_cast<double>(low));
    const double at_low = step_of(low);
    return share == 0 ? at_low : at_low + share * (step_of(low + 1) - at_low);
  }
  // What a mean prompt adds to such steps; one beyond the token budget goes through several.
  [[nodiscard]] double prefill(double batch) const {
    const auto rows = static_cast<std::int64_t>(std::max(1.0, std::floor(batch)));
    const auto [at, is_new] = prefills_.try_emplace(rows);
    if (is_new) at->second = price_prefill(rows);
    return at->second;
  }

 private:
  [[nodiscard]] double price_prefill(std::int64_t rows) const {
    const std::int64_t budget = scenario_.engine.enable_chunked_prefill
                                    ? std::max<std::int64_t>(1, scenario_.engine.max_num_batched_tokens - rows)
                                    : request_.prompt;
    const auto chunk_at = [&](std::int64_t done, std::int64_t tokens) {
      const PrefillChunk chunk{tokens, done, done + tokens == request_.prompt};
      return seconds_of({std::span(&chunk, 1), decodes(rows)}) - step_of(rows);
    };
    // Chunks of equal size cost the more the longer their history, in a straight line.
    const std::int64_t whole = request_.prompt / budget, rest = request_.prompt % budget;
    double seconds = 0;
    if (whole > 0)
      seconds = static_cast<double>(whole) * (chunk_at(0, budget) + chunk_at((whole - 1) * budget, budget)) / 2;
    if (rest > 0) seconds += chunk_at(whole * budget, rest);
    return seconds;
  }

  [[nodiscard]] DecodeShape decodes(std::int64_t rows) const {
    return decode_batch(rows, request_.mean_context(), cost_->sliding_window());
  }
  [[nodiscard]] double seconds_of(const StepShape& shape) const { return to_seconds(cost_->step(shape).total()); }
  [[nodiscard]] double step_of(std::int64_t rows) const {
    const auto [at, is_new] = steps_.try_emplace(rows);
    if (is_new) at->second = seconds_of({{}, decodes(rows)});
    return at->second;
  }

  const Scenario& scenario_;
  const MeanRequest& request_;
  std::unique_ptr<CostModel> cost_;
  // Halving comes back to the same few sizes.
  mutable std::map<std::int64_t, double> steps_, prefills_;
};

// A rank that carries x requests a second with `batch` decodes in a step.
struct Times {
  double step = 0, ttft = 0, e2el = 0;
};
Times times_at(const Engine& engine, const MeanRequest& request, double batch, double x) {
  const double prefill = engine.prefill(batch);
  Times t;
  t.step = engine.decode(batch) / std::max(1e-9, 1 - x * prefill);
  t.ttft = 1.5 * t.step + prefill;
  t.e2el = t.ttft + static_cast<double>(request.output - 1) * t.step;
  return t;
}

// The x that `clients` requests at once make.
double throughput_of(const Engine& engine, const MeanRequest& request, double clients) {
  double low = 0, high = 1 / engine.prefill(clients);
  for (int i = 0; i < kHalvings; ++i) {
    const double x = (low + high) / 2;
    (x * times_at(engine, request, clients, x).e2el < clients ? low : high) = x;
  }
  return low;
}

// How many are there when x arrive a second, at most `most`.
double running_at(const Engine& engine, const MeanRequest& request, double x, double most) {
  double low = 0, high = most;
  for (int i = 0; i < kHalvings; ++i) {
    const double running = (low + high) / 2;
    (x * times_at(engine, request, std::min(most, running + 1), x).e2el > running ? low : high) = running;
  }
  return high;
}

}  // namespace

std::optional<OperatingPoint> operating_point(const Scenario& s, const WorkloadSummary& w) {
  if (find_engine(s.engine.name).closed_batches) return std::nullopt;
  const MemoryPlan memory = plan_memory(s.deployment, s.memory);
  if (!memory.fits && s.deployment.level != CostLevel::affine) return std::nullopt;
  const MeanRequest request{std::max<std::int64_t>(1, std::llround(w.mean_prompt_tokens)),
                            std::max<std::int64_t>(1, std::llround(w.mean_output_tokens))};
  const Engine engine(s, request);
  // On average a request holds the blocks of its mean context.
  const double by_memory = s.deployment.level == CostLevel::affine && !s.memory.num_gpu_blocks_override
                               ? static_cast<double>(s.engine.max_num_seqs)
                           : s.engine.kv_layout.is_plain()
                               ? static_cast<double>(s.engine.usable_blocks() * s.engine.block_size) /
                                     static_cast<double>(request.mean_context())
                               : static_cast<double>(s.engine.usable_blocks()) /
                                     static_cast<double>(s.engine.blocks_of(request.mean_context()));
  const double ranks = static_cast<double>(s.cluster.replicas) * s.engine.data_parallel_size;
  double seats = std::max(1.0, std::min(static_cast<double>(s.engine.max_num_seqs), by_memory));
  if (s.workload.max_concurrency)
    seats = std::clamp(static_cast<double>(*s.workload.max_concurrency) / ranks, 1.0, seats);
  OperatingPoint point;
  const double most = throughput_of(engine, request, seats);
  const double offered = w.offered_rate > 0 ? w.offered_rate / ranks : 0;
  const bool open = offered > 0;
  point.overloaded = open && offered > most;
  const double x = open && !point.overloaded ? offered : most;
  point.running = open && !point.overloaded ? running_at(engine, request, x, seats) : seats;
  const double seen = open && !point.overloaded ? std::min(seats, point.running + 1) : seats;
  const Times t = times_at(engine, request, seen, x);
  const auto gaps = static_cast<double>(request.output - 1);
  const double per = s.tpot == TpotConvention::vllm ? gaps : static_cast<double>(request.output);
  point.ttft_ms = t.ttft * 1e3 + to_milliseconds(s.engine.per_request);
  point.tpot_ms = request.output > 1 ? t.step * 1e3 * gaps / per : std::nan("");
  point.e2el_ms = t.e2el * 1e3 + to_milliseconds(s.engine.per_request);
  point.request_throughput = x * ranks;
  point.output_throughput = x * ranks * static_cast<double>(request.output);
  point.most_requests_per_second = most * ranks;
  point.prefixes_ignored = may_find_prefixes(s);
  return point;
}

}  // namespace foretoken
