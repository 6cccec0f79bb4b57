// TensorRT-LLM's attention_dp_config: whether the ranks of a group start contexts in this step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "foretoken/serving/engine_config.hpp"

namespace foretoken {

// What a rank could put into the step.
struct RankOffer {
  bool contexts = false;
  bool generations = false;
  bool free_seat = false;  // fewer generations than seats
};

// enable_balance: contexts wait, beside generations on every rank, until all ranks have one, at most timeout_iters
// steps (counted also while nobody waits); and once all have one, batching_wait_iters steps more.
// (tensorrt_llm/_torch/pyexecutor/py_executor.py, _balance_adp_requests.)
class ContextBalance {
 public:
  explicit ContextBalance(const EngineConfig& engine)
      : enabled_(engine.attention_dp_enable_balance),
        timeout_(engine.attention_dp_timeout_iters),
        batching_wait_(engine.attention_dp_batching_wait_iters) {}

  [[nodiscard]] bool enabled() const { return enabled_; }

  // Called once per step.
  [[nodiscard]] bool hold(std::span<const RankOffer> ranks) {
    const bool all_generate = std::ranges::all_of(ranks, &RankOffer::generations);
    const bool all_ready =
        std::ranges::all_of(ranks, [](const RankOffer& rank) { return rank.contexts && rank.free_seat; });
    if (all_ready) {
      waited_for_ranks_ = 0;
      return all_generate && goes_on(waited_for_more_, batching_wait_);
    }
    return goes_on(waited_for_ranks_, all_generate ? timeout_ - 1 : 0);
  }

 private:
  // Counts up to `most`; beyond it starts again.
  static bool goes_on(std::int64_t& waited, std::int64_t most) {
    waited = waited < most ? waited + 1 : 0;
    return waited > 0;
  }

  bool enabled_;
  std::int64_t timeout_;
  std::int64_t batching_wait_;
  std::int64_t waited_for_ranks_ = 0;
  std::int64_t waited_for_more_ = 0;
};

}  // namespace foretoken
