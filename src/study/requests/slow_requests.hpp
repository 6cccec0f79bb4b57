// Where the time of single requests went: of a percentile, a band of percentiles, one request, or of those that
// missed their limits, beside the median request.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

enum class RequestMetric { ttft, tpot, e2el };
[[nodiscard]] std::string_view to_string(RequestMetric metric);

struct RequestSelector {
  enum class Kind { percentile, band, id, violators };
  Kind kind = Kind::percentile;
  double low = 0;  // shares: of a band its lower end
  double high = 0.99;
  std::int64_t id = 0;
  std::string text;  // as written
};
// p99, p99.9, median, worst, best, p95..p99, violators, or a request's index (123). Errors name what is allowed.
[[nodiscard]] Result<RequestSelector> parse_request_selector(const std::string& text);

// Sums over the requests of one selection. The parts sum to `total` to the nanosecond (INV-12).
struct RequestTime {
  std::int64_t requests = 0;
  std::int64_t tokens = 0;  // what `total` is divided by: output tokens (or N - 1) for TPOT, requests elsewhere
  std::array<std::int64_t, kAttributionParts> parts{};  // ns
  std::int64_t total = 0;                               // ns
  // Of the queue's part: while all seats of the replica were taken.
  std::int64_t waiting_for_seat = 0;
  std::int64_t preemptions = 0;
  [[nodiscard]] double per(std::int64_t ns) const {
    return tokens > 0 ? static_cast<double>(ns) * 1e-6 / static_cast<double>(tokens) : 0;
  }
  [[nodiscard]] double milliseconds() const { return per(total); }
};

// What the time was spent on, in the words of the knobs that change it.
enum class Cause {
  overload,      // more arrives than is served
  seats,         // waited while max_num_seqs were running
  step,          // waited for the token budget or the end of a step
  kv_blocks,     // waited for KV blocks, or computed again what a preemption lost
  prefill,       // the request's own prompt
  interference,  // steps made longer by others' prefill
  decode,        // the decode steps themselves
  communication,
  overhead,  // the engine's host work
  kv_transfer,
  hand_over,  // the way to where it goes on, and there until a scheduler has seen it
  attempts,   // that were given up or failed before
  replica,    // waited while none was ready
};
[[nodiscard]] std::string_view to_string(Cause cause);

struct CauseShare {
  Cause cause = Cause::decode;
  std::int64_t ns = 0;
};
// Largest first; they sum to `time.total`.
[[nodiscard]] std::vector<CauseShare> causes_of(const RequestTime& time);

// A change, run on the same seeds and requests as the scenario.
struct KnobTrial {
  std::string change;            // max_num_seqs 256 -> 128
  std::vector<std::string> set;  // as --set takes them
  double before_ms = 0;          // of the selection, mean of the paired runs
  double after_ms = 0;
  double gain = 0;     // share of it that is saved
  bool helps = false;  // surely, and enough to be named
};

struct RequestExplanation {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;
  RequestSelector selector;
  RequestMetric metric = RequestMetric::ttft;
  std::int64_t finished = 0;  // requests with this metric
  std::int64_t failed = 0;    // rejected, timed out or unfinished: in no percentile here
  RequestTime selected;
  RequestTime median;
  std::optional<RequestRecord> request;  // when one is selected
  std::optional<RequestRecord> median_request;
  std::string limits;  // that violators missed, in words

  // The engine over the run.
  double seats_full = 0;  // share of the time, mean over ranks
  double kv_peak = 0;     // share of the usable blocks
  std::int64_t preemptions = 0;
  double arrival_rate = 0;    // requests per second
  double backlog_growth = 0;  // requests per second; 0 without a steady state to look for
  bool overloaded = false;
  double more_with_seats = 0;  // estimated gain in throughput with twice the seats, in closed form
  // With pools, of each: the share of the time in which its ranks compute, the mean over them.
  double ready_then = 0;  // of a fleet: replicas that were ready while the selected waited, in the mean;
  double ready_mean = 0;  // ... and over the run
  std::vector<double> pool_busy;

  Cause cause = Cause::decode;   // the largest, or overload
  std::vector<KnobTrial> tried;  // settings, then larger changes where no setting helps
  std::string knob;              // what to change first, as --set names it; empty: nothing that was tried helps
  std::string advice;            // the change and its gain, or what would help instead; empty: nothing was tried
  std::string sentence;
  std::vector<std::string> notes;
  bool interrupted = false;
};

// Of the first replication. Errors: a selector that selects nothing, a request that never got so far, no limits to
// violate, a workload that cannot be read.
[[nodiscard]] Result<RequestExplanation> explain_requests(const Scenario& scenario, const RequestSelector& selector,
                                                          RequestMetric metric, const RunOptions& options = {});
// And which knob helps, by paired runs of changes to the text.
[[nodiscard]] Result<RequestExplanation> explain_requests(const Question& question, const Scenario& scenario,
                                                          const RequestSelector& selector, RequestMetric metric,
                                                          const RunOptions& options = {});

}  // namespace foretoken
