// One replica: an engine of its own, or the ranks of attention data parallelism, which have a
// scheduler and a KV pool each and step together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "serving/balance/context_balance.hpp"
#include "serving/balance/rank_balance.hpp"
#include "serving/batching/engine_policy.hpp"
#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// With one rank every call is that rank's. With several (src/serving/README.md, "Ranks"): all ranks plan
// at the same instant, the step takes as long as the slowest rank, experts see the tokens of
// all ranks, and a rank without work waits for the others (its dummy step is never the slowest).
// Sources: vLLM DPEngineCoreProc, SGLang DP attention, TensorRT-LLM attention DP. Left out: vLLM's
// prefill_schedule_interval, SGLang's prefill delayer (off by default), and stretches: a group goes step by step.
class Replica {
 public:
  // Its ranks are numbered from first_rank on.
  Replica(int first_rank, const PoolConfig& pool, const SimulationOptions& options,
          const EnginePolicyMaker& make_policy, const PromptContents& prompts, Observer& observer,
          DepartureListener& listener, const Receiving& receiving = {});

  // A Request from the router, or a HandOver from another replica.
  template <class Incoming, class... Waited>
  void arrive(const Incoming& incoming, TimePoint now, Waited... waited) {
    if (alone_) return alone_->arrive(incoming, now, waited...);
    EngineRank& rank = choose_rank(index_of(incoming), now);
    rank.arrive(incoming, now, waited...);
    if (rank.waiting_requests() > 0) end_dummies(now);
  }
  // One whose prompt will be computed elsewhere when there are blocks for it here.
  void expect(const Request& request, TimePoint now) {
    (alone_ ? *alone_ : choose_rank(request.index, now)).expect(request, now);
  }
  std::optional<Request> forget_expected(std::int64_t request, TimePoint now) {
    for (const auto& rank : ranks_) {
      if (std::optional<Request> gone = rank->forget_expected(request, now)) {
        if (!alone_) left(request);
        return gone;
      }
    }
    return std::nullopt;
  }
  // A request that one of several ranks had is gone.
  void left(std::int64_t request) { balance_->left(request); }
  // Whether it could ever take it in, and the answer where nobody can.
  [[nodiscard]] bool could_hold(const Request& request) const { return ranks_.front()->could_hold(request); }
  void refuse(const Request& request, TimePoint now) { ranks_.front()->refuse(request, now); }
  [[nodiscard]] EngineRank& rank(int number) { return *ranks_[static_cast<std::size_t>(number - first_rank_)]; }
  // See EngineRank; `rank` is one of this replica.
  bool release_pinned(int rank, RequestId id, TimePoint now) {
    return ranks_[static_cast<std::size_t>(rank - first_rank_)]->release_pinned(id, now);
  }
  // The running steps end now, or the engine is back from dummy steps.
  void end_steps(TimePoint now) {
    if (alone_)
      alone_->end_steps(now);
    else
      end_group_step(now);
  }
  void abort(std::int64_t request, TimePoint now) {
    for (const auto& rank : ranks_) rank->abort(request, now);
  }
  void crash(TimePoint now) {
    for (const auto& rank : ranks_) rank->crash(now);
  }
  void expire(TimePoint now) {
    for (const auto& rank : ranks_) rank->expire(now);
  }
  // The schedule call. Precondition: idle().
  void schedule(TimePoint now) {
    if (alone_)
      alone_->schedule(now);
    else
      schedule_ranks(now);
  }
  void abandon(TimePoint now) {
    for (const auto& rank : ranks_) rank->abandon(now);
  }

  // See EngineRank.
  [[nodiscard]] ReplicaSignals signals(TimePoint now) const;
  [[nodiscard]] std::int64_t cached_tokens(const Request& request, TimePoint now) const;
  [[nodiscard]] AdapterPlace adapter_place(const Request& request) const {
    AdapterPlace best = AdapterPlace::nowhere;
    for (const auto& rank : ranks_) best = std::max(best, rank->adapter_place(request));
    return best;
  }

  // Free for a schedule call now.
  [[nodiscard]] bool idle() const { return alone_ ? alone_->idle() : !stepping_ && back_at_ == kNever; }
  [[nodiscard]] TimePoint next_boundary() const { return alone_ ? alone_->next_boundary() : next_group_boundary(); }
  [[nodiscard]] TimePoint next_timeout() const { return alone_ ? alone_->next_timeout() : first_timeout(); }
  [[nodiscard]] const std::vector<std::unique_ptr<EngineRank>>& ranks() const { return ranks_; }
  [[nodiscard]] int first_rank() const { return first_rank_; }

 private:
  static std::int64_t index_of(const Request& request) { return request.index; }
  static std::int64_t index_of(const HandOver& what) { return what.request.index; }
  [[nodiscard]] EngineRank& choose_rank(std::int64_t request, TimePoint now);
  void end_dummies(TimePoint now);
  void end_group_step(TimePoint now);
  void schedule_ranks(TimePoint now);
  [[nodiscard]] bool holds_contexts(TimePoint now);
  void price(bool with_prefill);
  void start_dummies(TimePoint now);
  [[nodiscard]] TimePoint next_group_boundary() const;
  [[nodiscard]] TimePoint first_timeout() const;

  const int first_rank_;
  const CostModel& cost_;
  std::vector<std::unique_ptr<EngineRank>> ranks_;
  EngineRank* alone_ = nullptr;  // the only rank
  std::unique_ptr<RankBalance> balance_;
  ContextBalance contexts_;
  const bool has_waves_;            // vLLM: dummy steps until the next check whether any rank has work
  const std::int64_t idle_tokens_;  // of a rank that only takes part

  bool stepping_ = false;
  StepClock clock_;  // of the last boundary
  FineDuration duration_;
  TimePoint end_ = kNever;
  std::vector<std::size_t> working_;   // ranks that have a plan
  std::vector<StepTime> whole_;        // of each working rank, the wait for the slowest included
  std::vector<StepTime> decode_only_;  // the same step without any rank's prefill
  std::vector<RankLoad> loads_;        // scratch
  std::vector<RankOffer> offers_;      // scratch

  // Steps since the wave began, and the dummy steps that followed its last token.
  std::int64_t counter_ = 0;
  std::int64_t dummies_ = 0;
  TimePoint dummies_from_{};
  Duration dummy_step_{};
  TimePoint back_at_ = kNever;  // a request came during a dummy step, which ends then
};

}  // namespace foretoken
