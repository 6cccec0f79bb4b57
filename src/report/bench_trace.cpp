// The requests as the simulation would send them, written out.
#include "report/bench_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "report/launch_lines.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kUsualChunk = 512;
constexpr std::int64_t kLeastChunk = 16;  // a block of vLLM: what is shared beyond whole ones is not found anyway

// Requests are answered at once, so that a closed loop goes on. Lengths do not depend on it.
std::vector<Request> requests_of(RequestSource& source) {
  std::vector<Request> requests;
  while (source.next_arrival() != kNever && static_cast<std::int64_t>(requests.size()) < kMostTraceRows) {
    requests.push_back(source.take());
    source.completed(requests.back(), requests.back().arrival);
  }
  return requests;
}

// One number of tokens for all ids of the file: what divides every block of the prefixes.
std::int64_t chunk_of(const std::vector<Request>& requests, const PrefixTable* prefixes) {
  std::int64_t chunk = 0;
  for (const Request& r : requests) {
    if (prefixes != nullptr && r.prefix_row >= 0) chunk = std::gcd(chunk, prefixes->block_tokens(r.prefix_row));
  }
  return chunk > 0 ? std::max(chunk, kLeastChunk) : kUsualChunk;
}

class TraceWriter {
 public:
  TraceWriter(const PrefixTable* prefixes, std::int64_t chunk, bool timed)
      : prefixes_(prefixes), chunk_(chunk), timed_(timed) {}

  void add(const Request& r) {
    const double seconds = timed_ ? to_seconds(r.arrival - TimePoint{}) : 0;
    text_ += fmt::format("{{\"timestamp\": {:.6f}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [",
                         seconds, r.prompt_tokens, r.output_tokens);
    const std::int64_t chunks = (r.prompt_tokens + chunk_ - 1) / chunk_;
    std::int64_t written = 0;
    if (prefixes_ != nullptr && r.prefix_row >= 0) {
      const std::int64_t block = prefixes_->block_tokens(r.prefix_row);
      for (const std::int64_t id : prefixes_->hash_ids(r.prefix_row)) {
        for (std::int64_t part = 0; part < block / chunk_ && written < chunks; ++part)
          put(shared(id, block, part), written++);
      }
    }
    while (written < chunks) put(next_++, written++);
    text_ += "]}\n";
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void put(std::int64_t id, std::int64_t place) { text_ += fmt::format("{}{}", place > 0 ? ", " : "", id); }
  // Numbers of one series for shared chunks and for those that stand in one prompt only.
  std::int64_t shared(std::int64_t id, std::int64_t block, std::int64_t part) {
    const auto [at, is_new] = known_.emplace(std::tuple(id, block, part), next_);
    if (is_new) ++next_;
    return at->second;
  }

  const PrefixTable* prefixes_;
  std::int64_t chunk_;
  bool timed_;
  std::int64_t next_ = 0;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::int64_t> known_;
  std::string text_;
};

// Without an arrival process of their own, requests wait for a client.
bool is_timed(const Scenario& s) {
  return !std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals);
}

}  // namespace

bool wants_bench_trace(const Scenario& s) {
  if (serve_line(s).empty() || s.workload.sessions) return false;
  return bench_line(s).empty() || !bench_lengths_are_exact(s) ||
         (may_share_prefixes(s.workload) && bench_line(s).find("--random-prefix-len") == std::string::npos);
}

Result<BenchTrace> bench_trace(const Scenario& s) {
  const Result<std::unique_ptr<RequestSource>> source = make_request_source(s.workload, s.seed);
  if (!source) return source.error();
  const std::vector<Request> requests = requests_of(**source);
  if (Diagnostics problems = (*source)->problems(); problems.has_errors()) return problems;
  const PrefixTable* prefixes = (*source)->prefixes();
  BenchTrace trace;
  trace.requests = static_cast<std::int64_t>(requests.size());
  trace.chunk = chunk_of(requests, prefixes);
  trace.cut = (*source)->next_arrival() != kNever;
  TraceWriter writer(prefixes, trace.chunk, is_timed(s));
  for (const Request& r : requests) writer.add(r);
  trace.text = writer.take();
  return trace;
}

std::string replay_line(const Scenario& s, const BenchTrace& trace, const std::string& file) {
  std::string line = fmt::format(
      "vllm bench serve --model {} --dataset-name timed_trace --dataset-path {} --num-prompts {} --no-oversample "
      "--disable-shuffle --timed-trace-chunk-hash-size {} --timed-trace-sec-multiplier 1{}",
      served_model_name(s), file, trace.requests, trace.chunk, is_timed(s) ? " --self-timed" : " --request-rate inf");
  if (s.workload.max_concurrency) line += fmt::format(" --max-concurrency {}", *s.workload.max_concurrency);
  if (s.workload.ignore_eos) line += " --ignore-eos";
  return line + bench_measures(s);
}

}  // namespace foretoken
