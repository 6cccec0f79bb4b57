// Static batching (src/serving/README.md, "Baselines"): when nothing runs, take up to
// max_num_seqs requests, prefill them in one step, decode until every member is done.
// max_wait is how long the oldest request waits for a full batch (Triton's max_queue_delay;
// 0 = take those present). padded: finished rows keep their place in the GEMMs; their
// attention is masked. Prompts are not padded to one length.
#include <algorithm>

#include "serving/batching/batching_policy.hpp"

namespace foretoken {
namespace {

class StaticBatching final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    if (s.running() > 0) {
      if (s.config.padded) plan.padding_rows = batch_ - s.decodes().size();
      if (s.waiting().head() != nullptr) plan.blocked = Blocked::waiting_for_batch;
      return;
    }
    const Waiting* head = s.waiting().head();
    if (head == nullptr) return;
    const std::int64_t full = capacity(s, s.free_blocks());
    if (full == 0) {  // held for those who went on to another pool
      plan.blocked = Blocked::kv_blocks;
      return;
    }
    const Waiting* oldest = s.waiting().oldest();  // null: all that wait come from another pool
    const TimePoint deadline = (oldest == nullptr ? head : oldest)->request.known_at() + s.config.max_wait;
    if (static_cast<std::int64_t>(s.waiting().size()) < full && call.now < deadline) {
      plan.wake = deadline;
      plan.blocked = Blocked::waiting_for_batch;
      return;
    }
    for (batch_ = 0; batch_ < full && s.waiting().head() != nullptr; ++batch_) {
      const RequestId id = call.admit();
      plan.chunks.push_back({id, s[id].known_tokens()});
    }
  }

  // A running batch is closed; an idle engine schedules on every arrival anyway.
  bool may_change_plan(const SchedulerState&) const override { return false; }

  bool can_serve(const SchedulerState& s, const Request&) const override {
    return capacity(s, s.config.usable_blocks()) > 0;
  }

 private:
  static std::int64_t capacity(const SchedulerState& s, std::int64_t blocks) {
    return std::min(s.config.max_num_seqs, blocks / blocks_for(s.config.max_model_len, s.config.block_size));
  }

  std::int64_t batch_ = 0;  // members when the batch was formed
};

}  // namespace

std::unique_ptr<BatchingPolicy> make_static_batching() {
  return std::make_unique<StaticBatching>();
}

}  // namespace foretoken
