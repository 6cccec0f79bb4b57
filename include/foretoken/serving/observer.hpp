// What a simulation tells whoever measures it. Handlers change state; observers
// measure; serving does not know what for.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "foretoken/base/units.hpp"
#include "foretoken/cost/decode_curve.hpp"
#include "foretoken/cost/step.hpp"
#include "foretoken/cost/token_clock.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// Where a request's time went; the parts of a request sum to its total exactly (INV-12).
enum class AttributionPart {
  queue,    // waiting for a seat, the token budget or a step boundary
  kv_wait,  // waiting while the head of the queue lacked KV blocks
  prefill_compute,
  prefill_memory,
  interference,  // other requests' prefill in the same steps
  decode_memory,
  decode_compute,
  communication,
  engine_overhead,       // fixed costs and the rounding remainder
  preemption_recompute,  // from a preemption until the lost tokens are back
  kv_transfer,
  hand_over_wait,    // on the way to where it goes on, and there until a scheduler sees its KV cache
  earlier_attempts,  // that were given up or failed, and the pauses before the next
  fleet_wait,        // before a router that had no replica to choose
};
inline constexpr int kAttributionParts = 14;
using Attribution = std::array<Duration, kAttributionParts>;
[[nodiscard]] std::string_view to_string(AttributionPart part);

// `replica` here and below is a rank where the ranks of a replica step together: rank k of replica r
// is r * data_parallel_size + k.
// failed: its KV cache was lost on the way from pool to pool. aborted: its client closed the connection.
enum class Outcome { finished, rejected, timed_out, unfinished, failed, aborted };
[[nodiscard]] std::string_view to_string(Outcome outcome);

struct RequestRecord {
  Request request;
  Outcome outcome = Outcome::finished;
  int replica = 0;
  TimePoint scheduled{};  // first time in a step
  TimePoint first_token{};
  TimePoint finish{};  // last token; for rejected and timed out: when it left
  std::int32_t preemptions = 0;
  std::int32_t cached_tokens = 0;
  std::int32_t attempts = 1;  // of its client
  std::int32_t emitted = 0;   // failed, aborted: tokens that were out
  // Of a request with several answers request.output_tokens are those of the longest; these are of all that came back.
  std::int64_t answer_tokens = 0;  // 0: of the only one
  [[nodiscard]] std::int64_t returned_tokens() const {
    return answer_tokens > 0 ? answer_tokens : request.output_tokens;
  }
  Attribution ttft_parts{};  // sum: first_token - arrival
  Attribution e2e_parts{};   // sum: finish - arrival
};

// The edges of a request's life between its arrival and its record.
enum class LifecycleEdge {
  queued,
  admitted,  // for the first time
  first_token,
  preempted,    // `cached` tokens are lost
  resumed,      // admitted again after a preemption, or where it was handed over to
  abandoned,    // still in flight when the run was stopped
  handed_over,  // its prompt is computed, and it goes on elsewhere; its KV cache stays until it is there
  loading,      // where it goes on, blocks are taken for it; its KV cache is not there yet
  reached,      // it is there, with `cached` tokens, and waits for a seat
  released,     // where it came from, its KV cache is free
};
struct LifecycleEvent {
  LifecycleEdge edge = LifecycleEdge::queued;
  int replica = 0;
  std::int64_t request = 0;  // its index
  TimePoint at{};
  std::int64_t cached = 0;   // tokens in the KV cache; at a preemption those it held
  std::int64_t emitted = 0;  // output tokens so far
};

// `steps` consecutive engine steps of one replica with the same composition.
struct StepSpan {
  int replica = 0;
  TimePoint begin{};  // of the first step, whole ns
  TimePoint end{};    // of the last step
  std::int64_t steps = 1;
  std::span<const PrefillChunk> prefill;  // of the first step; where others follow, `joining` of them
  std::int64_t decode_rows = 0;           // sequences that emit tokens in each step
  std::int64_t gap_rows = 0;              // of those, the ones that also emitted in the step before
  StepTime time;                          // of the first step
  const DecodeRun* run = nullptr;         // the steps one by one; null when steps == 1
  std::int64_t kv_blocks_used = 0;        // during the first step
  std::int64_t waiting = 0;               // requests in the queue, just before `end`
  std::int64_t running = 0;
  std::int64_t tokens_per_row = 1;  // that each of decode_rows emits per step
  std::int64_t dropped = 0;         // of the tokens that `prefill` samples: they come out elsewhere (FirstToken)
  std::int64_t drafts = 0;          // that the rows verify beyond those tokens; such a span is one step
  std::int64_t accepted = 0;        // of these, so many come out
  // Of decode_rows and gap_rows, those that are `prefill` in the first step: they complete their prompts, put out a
  // token that has no gap, and decode from then on. `dropped` takes their tokens, which are counted with decode_rows.
  std::int64_t joining = 0;

  [[nodiscard]] TokenRate decode_rate() const { return {decode_rows, tokens_per_row}; }
};

// Contract: calls come in the order of simulated time per replica; spans of one
// replica do not overlap. A sum over spans must not depend on how they are cut.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_request(const RequestRecord& record) = 0;
  virtual void on_steps(const StepSpan& span) = 0;
  // One answer of a request that has several (its own TTFT and end), before the request's record.
  virtual void on_answer(const RequestRecord& /*answer*/) {}
  // An inter-token gap longer than one step: sequences that were left out of
  // steps between two of their tokens.
  virtual void on_gap(Duration gap, std::int64_t rows) = 0;
  // Asked once, at the start: without it no lifecycle event is ever made.
  [[nodiscard]] virtual bool wants_lifecycle() const { return false; }
  virtual void on_lifecycle(const LifecycleEvent&) {}
};

}  // namespace foretoken
