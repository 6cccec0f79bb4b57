// Orca: iteration-level batching (src/serving/README.md, "Baselines"). Every step runs
// all decodes and the whole prompts of newly admitted requests; KV for max_model_len
// is reserved on admission, so nothing is ever preempted. No chunking, no token budget.
#include "serving/batching/batching_policy.hpp"

namespace foretoken {
namespace {

class Orca final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    const std::int64_t reserved = blocks_for(s.config.max_model_len, s.config.block_size);
    while (s.waiting().head() != nullptr) {
      if (s.running() >= s.config.max_num_seqs) {
        plan.blocked = Blocked::seats;
        return;
      }
      if (reserved > s.free_blocks()) {
        plan.blocked = Blocked::kv_blocks;
        return;
      }
      const RequestId id = call.admit();
      plan.chunks.push_back({id, s[id].known_tokens()});
    }
  }

  bool may_change_plan(const SchedulerState& s) const override { return s.running() < s.config.max_num_seqs; }

  bool can_serve(const SchedulerState& s, const Request&) const override {
    return blocks_for(s.config.max_model_len, s.config.block_size) <= s.config.usable_blocks();
  }
};

}  // namespace

std::unique_ptr<BatchingPolicy> make_orca() {
  return std::make_unique<Orca>();
}

}  // namespace foretoken
