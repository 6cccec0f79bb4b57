// One rank, an engine with a scheduler and a KV pool: runs the plans of its batching policy in simulated time.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/batching/batching_policy.hpp"
#include "serving/context_balance.hpp"

namespace foretoken {

// Who wants to know that a request left the system.
class DepartureListener {
 public:
  virtual ~DepartureListener() = default;
  virtual void departed(int rank, const Request& request, Outcome outcome, TimePoint now) = 0;
  // The next step takes longer than times of steps can hold (kLongestStep): the run ends before it.
  virtual void step_too_long(int rank) = 0;
};

// From here on the cost models cut a step's parts.
inline constexpr FineDuration kLongestStep = PiecewiseCurve::kLargest;

// Exact time of a step boundary: base + offset, offset in [0, 1 ns).
struct StepClock {
  TimePoint base{};
  FineDuration offset;
};

// Step ends stand on whole nanoseconds: base + ceil(offset), where the exact fraction
// is carried from step to step until the engine idles. A run of decode-only steps with
// the same members is one entry on the calendar (a stretch); an arrival that matters cuts it at the
// next boundary.
class EngineRank {
 public:
  EngineRank(int index, const SimulationConfig& config, const CostModel& cost, std::int64_t sliding_window,
             Observer& observer, DepartureListener& listener, const PrefixTable* prefixes);
  // With a policy from outside the table.
  EngineRank(int index, const SimulationConfig& config, const CostModel& cost, std::int64_t sliding_window,
             Observer& observer, DepartureListener& listener, const PrefixTable* prefixes,
             std::unique_ptr<BatchingPolicy> policy, BlockPolicy blocks, LastRow last_row);

  // A request from the router. It may be refused at once.
  void arrive(const Request& request, TimePoint now);
  // The running steps end now.
  void end_steps(TimePoint now);
  // Requests that waited longer than queue_timeout leave.
  void expire(TimePoint now);
  // The schedule call. Precondition: no step is running.
  void schedule(TimePoint now);

  // The schedule call in two, for ranks that step together: whether there is something to
  // run, and its start with the group's time.
  [[nodiscard]] bool plan(TimePoint now, bool hold_contexts = false);
  void start_in_group(TimePoint now, const StepClock& clock, const StepTime& step, const StepTime& decode_only);
  // What it could put into a plan now.
  [[nodiscard]] RankOffer offer(TimePoint now);
  // What plan() decided.
  [[nodiscard]] std::span<const PrefillChunk> planned_chunks() const { return chunks_; }
  [[nodiscard]] const DecodeShape& planned_decodes() const { return shape_; }

  // Reports everything still in the system as unfinished.
  void abandon(TimePoint now);

  [[nodiscard]] bool idle() const { return !stepping_; }
  [[nodiscard]] TimePoint next_boundary() const { return stepping_ ? end_ : wake_; }
  [[nodiscard]] TimePoint next_timeout() const;
  [[nodiscard]] const ReplicaTotals& totals() const { return totals_; }
  [[nodiscard]] const SchedulerState& state() const { return state_; }
  [[nodiscard]] std::int64_t waiting_requests() const {
    return static_cast<std::int64_t>(state_.waiting_->size() + inbox_.size());
  }

 private:
  void call_policy(TimePoint now, bool hold_contexts);
  void shape_plan(TimePoint now);
  void start_steps(TimePoint now);
  void begin(TimePoint now);
  void start_stretch();
  void leave_out_too_long();
  void cut(TimePoint now, std::int64_t boundaries_later = 0);
  [[nodiscard]] TimePoint boundary_after(FineDuration elapsed) const;

  [[nodiscard]] FineDuration elapsed() const { return steps_ == 1 ? first_step_.total() : run_.elapsed(steps_); }
  // With async_scheduling.
  [[nodiscard]] TimePoint begin_of_last_step() const;
  bool deliver(TimePoint until);
  bool reveal(TimePoint now);

  [[nodiscard]] const Waiting* longest_waiting() const;
  void report_steps(TimePoint now);
  void count_totals(FineDuration elapsed, const DecodeTotals& decode);
  [[nodiscard]] DecodeTotals decode_totals_of_steps() const;
  [[nodiscard]] std::int64_t blocks_taken_first() const;
  [[nodiscard]] FineTotal block_time(FineDuration elapsed) const;
  void settle_chunks(TimePoint now);
  void settle_decodes(TimePoint now, const DecodeTotals& step);
  void settle_gaps(TimePoint now);
  void charge_left_out();
  void emit(RequestId id, TimePoint now);
  void finish_leaving(TimePoint now);
  void finish(RequestId id, TimePoint now);
  void refuse(const Request& request, Outcome outcome, TimePoint now, Attribution parts);
  [[nodiscard]] RequestRecord record_of(const InFlight& r, Outcome outcome, TimePoint now) const;

  const int index_;
  const bool single_steps_;  // no stretches: the oracle, or an observer that wants every step
  const bool async_;         // async_scheduling
  const LastRow last_row_;
  const CostModel& cost_;
  Observer& observer_;
  DepartureListener& listener_;
  std::unique_ptr<BatchingPolicy> policy_;
  SchedulerState state_;
  KvWaitClock kv_wait_;
  DecodeTotals decode_totals_;
  ReplicaTotals totals_;

  // Exact time of the last boundary: base_ + offset_, offset_ in [0, 1 ns).
  TimePoint base_{};
  FineDuration offset_;

  // What runs now.
  bool stepping_ = false;
  StepPlan plan_;
  std::vector<PrefillChunk> chunks_;
  std::int64_t steps_ = 0;
  std::int64_t decode_rows_ = 0;  // that emit
  std::int64_t gap_rows_ = 0;
  StepTime first_step_;   // with its prefill chunks
  StepTime decode_only_;  // the same step without them
  const DecodeCurve* curve_ = nullptr;
  DecodeShape shape_;
  DecodeRun run_;
  TimePoint begin_{};
  TimePoint end_ = kNever;
  TimePoint wake_ = kNever;
  std::vector<RequestId> leaving_;  // their last token came out with the steps that end now

  // With async_scheduling: what the next call cannot know.
  std::deque<Waiting> inbox_;       // those who came since the last step began, in order
  bool next_call_differs_ = false;  // the plan holds for one step only
  bool call_is_due_ = false;        // steps have ended: the call is one of when the last of them began,
  TimePoint known_until_{};         // then
};

}  // namespace foretoken
