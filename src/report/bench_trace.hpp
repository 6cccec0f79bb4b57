// A load that no flags of `vllm bench serve` make, as a file that it replays (--dataset-name timed_trace).
#pragma once

#include <string>

#include "foretoken/base/result.hpp"
#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// Whether the load can be written so, and the flags alone would say something else: distributions of lengths, classes,
// traces, arrivals with a profile, a ramp or bursts. Not conversations, whose turns wait for each other.
[[nodiscard]] bool wants_bench_trace(const Scenario& scenario);

// Lines of JSON with timestamp (s), input_length, output_length and hash_ids: the first replication's requests, at most
// kMostTraceRows. Prompts that share a beginning share its ids. Of a closed loop all timestamps are 0, and clients are
// of the line. Errors: as make_request_source().
struct BenchTrace {
  std::string text;
  std::int64_t requests = 0;
  std::int64_t chunk = 0;  // tokens that one hash id stands for
  bool cut = false;        // there are more requests than were written
};
inline constexpr std::int64_t kMostTraceRows = 200'000;
[[nodiscard]] Result<BenchTrace> bench_trace(const Scenario& scenario);
// vllm bench serve ... that replays `trace` from `file`.
[[nodiscard]] std::string replay_line(const Scenario& scenario, const BenchTrace& trace, const std::string& file);

}  // namespace foretoken
