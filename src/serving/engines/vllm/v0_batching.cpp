// vLLM V0 scheduler (src/serving/README.md, "vLLM V0"; core/scheduler.py of v0.5.4 and v0.6.6). By default whole
// prompts first: while one can be admitted the step is prefill only and every decode waits.
// With enable_chunked_prefill decodes and chunks share max_num_batched_tokens.
//   version 0.5: block manager v1, which asks for a free block for every running sequence
//     even when its last block has room; chunked mode puts a prompt ahead of the decodes in
//     the step after its admission.
//   version 0.6: block manager v2 (a block when one is needed); chunked mode keeps decodes first.
// A prompt is admitted with all its blocks, if watermark x blocks stay free. Preemption from
// the tail, by recompute, or with preemption_mode: swap to host memory (src/serving/README.md, "KV tiers"). Prefix
// caching, off by default: full blocks that a step has computed; with it 0.6 cuts chunks to whole blocks, so that less
// than a block of the budget may be left, and who gets nothing ends the walk. Left out: swapping a prompt in progress,
// and where host memory has no room for another (V0 aborts): both are computed again; delay_factor, multi-step
// scheduling, preemption between priorities. V0 drops a preempted request that has outgrown blocks - watermark; here it
// is served once nothing else runs, and a lone one needs no spare block. max_num_batched_tokens below max_num_seqs,
// which V0 refuses, leaves the last decodes out of a step.
#include <algorithm>

#include "serving/batching/batching_policy.hpp"

namespace foretoken {
namespace {

class VllmV0 final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    const SchedulerState& s = call.state;
    first_version_ = !version_at_least(s.config.version, "0.6");
    preempted_ = reordered_ = false;
    std::int64_t budget = s.config.max_num_batched_tokens;
    if (s.config.enable_chunked_prefill) {
      schedule_chunked(call, plan, budget);
    } else {
      // Who was swapped out goes before who waits.
      if (!s.any_swapped())
        admit_prompts(call, plan, budget, 0);
      else if (s.waiting().head() != nullptr)
        plan.blocked = Blocked::kv_blocks;
      plan.hold_decodes = !plan.chunks.empty();
      if (!plan.hold_decodes) keep_running(call);
      if (!plan.hold_decodes && !preempted_) swap_in(call, budget);
    }
    plan.spare_blocks = first_version_ ? 1 : 0;
    plan.once = preempted_ || reordered_;
  }

  bool may_change_plan(const SchedulerState& s) const override {
    return s.running() < s.config.max_num_seqs &&
           (!s.config.enable_chunked_prefill || s.decodes().size() < s.config.max_num_batched_tokens);
  }

  bool can_serve(const SchedulerState& s, const Request& request) const override {
    return (s.config.enable_chunked_prefill || request.prompt_tokens <= s.config.max_num_batched_tokens) &&
           blocks_for(request.prompt_tokens, s.config.block_size) <= s.config.usable_blocks() - watermark(s);
  }

 private:
  static std::int64_t watermark(const SchedulerState& s) {
    return static_cast<std::int64_t>(s.config.watermark * static_cast<double>(s.config.num_gpu_blocks));
  }

  // `owed`: blocks the decodes of this step take.
  void admit_prompts(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget, std::int64_t owed) {
    admit_those_in_order(call, plan, budget, owed);
    if (call.state.limits_adapters) call.state.bring_back();
  }
  void admit_those_in_order(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget, std::int64_t owed) {
    SchedulerState& s = call.state;
    s.decodes_take_first(owed);
    while (const Waiting* head = s.waiting().head()) {
      if (s.limits_adapters && s.pass_over_head_without_slot()) {
        plan.blocked = Blocked::adapter;
        continue;
      }
      const std::int64_t known =
          head->resumed != kNoRequest ? s[head->resumed].known_tokens() : head->request.prompt_tokens;
      const PrefixMatch hit = s.match_head();
      const std::int64_t need = s.blocks_to_take(hit, known);
      const std::int64_t rest = known - hit.tokens;
      const bool alone = s.running() == 0;
      if (s.running() >= s.config.max_num_seqs) {
        plan.blocked = Blocked::seats;
        return;
      }
      const std::int64_t tokens = s.config.enable_chunked_prefill ? cut(s, rest, budget) : rest;
      if (tokens == 0 || (tokens > budget && !alone)) {
        plan.blocked = Blocked::token_budget;
        return;
      }
      if (s.free_blocks() - owed - need < (alone ? 0 : watermark(s))) {
        plan.blocked = Blocked::kv_blocks;
        reordered_ = reordered_ || (hit.free_blocks > 0 && known > budget);  // see PrefixMatch
        return;
      }
      const RequestId id = call.admit(hit);
      s.take_blocks(id, known);
      plan.chunks.push_back({id, tokens});
      budget -= tokens;
    }
  }

  // It refuses to start with caching and a budget that is not of whole blocks.
  [[nodiscard]] std::int64_t cut(const SchedulerState& s, std::int64_t rest, std::int64_t budget) const {
    const std::int64_t block = s.config.block_size;
    const bool whole_blocks =
        !first_version_ && s.config.enable_prefix_caching && s.config.max_num_batched_tokens % block == 0;
    if (rest <= budget || !whole_blocks) return std::min(rest, budget);
    return budget / block * block;
  }

  [[nodiscard]] static std::int64_t need(const SchedulerState& s, RequestId id) {
    return s[id].phase == Phase::decoding ? s.decodes().blocks_of_step(s[id]) : 0;
  }

  // A request that is alone would only evict itself, and never end.
  [[nodiscard]] bool asks_for_spare(const SchedulerState& s) const { return first_version_ && s.running() > 1; }

  // Evicts from the tail until everyone who is left can run. A walk along the list that
  // evicts when it comes to a request without its block ends with the same survivors,
  // because the last of them is the hardest to satisfy.
  void keep_running(const ScheduleCall& call) {
    SchedulerState& s = call.state;
    while (s.running() > 0) {
      const std::int64_t wanted =
          asks_for_spare(s) ? s.decode_blocks_needed() - need(s, s.last_running()) + 1 : s.decode_blocks_needed();
      if (wanted <= s.free_blocks()) return;
      evict(call, s.last_running());
    }
  }

  // By swapping where that is asked for and host memory has room (V0 aborts where it has none); what of a prompt is
  // computed is computed again.
  void evict(const ScheduleCall& call, RequestId victim) {
    preempted_ = true;
    if (call.state.can_swap_out(victim))
      call.state.swap_out(victim, call.now, call.totals);
    else
      call.preempt(victim);
  }

  // Those whose KV cache is in host memory come back while they fit with a block to grow and the watermark
  // (BlockSpaceManagerV1.can_swap_in), unless somebody was just preempted.
  static void swap_in(const ScheduleCall& call, std::int64_t& budget) {
    SchedulerState& s = call.state;
    while (s.any_swapped() && s.running() < s.config.max_num_seqs && s.decodes().size() < budget) {
      const std::int64_t left = s.free_blocks() - s.decode_blocks_needed() - s.blocks_of_swapped() - 1;
      if (left < (s.running() == 0 ? 0 : watermark(s))) return;
      s.swap_in(call.now, call.totals);
    }
  }

  void schedule_chunked(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget) {
    SchedulerState& s = call.state;
    reordered_ = false;
    if (!s.prefill_before_decode() && s.decodes().size() < budget) {
      keep_running(call);
      budget -= s.decodes().size();
      for (const RequestId id : s.prefilling()) {
        const std::int64_t tokens = reordered_ ? 0 : cut(s, s[id].known_tokens() - s[id].cached, budget);
        if (tokens > 0)
          plan.chunks.push_back({id, tokens});
        else
          reordered_ = true;
        budget -= tokens;
      }
    } else {
      walk(call, plan, budget);
      reordered_ = true;
    }
    if (!preempted_ && budget > 0 && s.any_swapped()) {
      const std::int64_t before = s.decodes().size();
      std::int64_t room = before + budget;
      swap_in(call, room);
      budget -= s.decodes().size() - before;
    }
    const std::size_t continued = plan.chunks.size();
    std::int64_t owed = s.decode_blocks_needed();
    for (const RequestId id : plan.skipped) owed -= need(s, id);
    admit_prompts(call, plan, budget, owed);
    if (reordered_ || (first_version_ && plan.chunks.size() > continued)) rebuild(s, plan, continued);
  }

  // Along the running list: the first request that gets no token ends the walk.
  void walk(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget) {
    SchedulerState& s = call.state;
    std::int64_t taken = 0;
    RequestId id = s.first_running();
    while (id != kNoRequest && budget > 0) {
      const bool decodes = s[id].phase == Phase::decoding;
      const std::int64_t tokens = decodes ? 1 : cut(s, s[id].known_tokens() - s[id].cached, budget);
      if (tokens == 0) break;
      while ((asks_for_spare(s) ? 1 : need(s, id)) > s.free_blocks() - taken) {
        const RequestId victim = s.last_running();
        evict(call, victim);
        if (victim == id) return;
      }
      if (!decodes) plan.chunks.push_back({id, tokens});
      taken += need(s, id);
      budget -= tokens;
      id = s[id].next;
    }
    for (; id != kNoRequest; id = s[id].next) {
      if (s[id].phase == Phase::decoding) plan.skipped.push_back(id);
    }
  }

  // The next step's running list: who got nothing, then (0.5) the newly admitted, the
  // decodes and the continued prompts, or (0.6) the decodes, the continued and the new.
  void rebuild(SchedulerState& s, const StepPlan& plan, std::size_t continued) {
    order_.clear();
    std::size_t left_out = 0;
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      if (s[id].phase != Phase::decoding) continue;
      if (left_out < plan.skipped.size() && plan.skipped[left_out] == id)
        ++left_out;
      else
        order_.push_back(id);
    }
    for (std::size_t i = 0; i < continued; ++i) order_.push_back(plan.chunks[i].id);
    for (std::size_t i = continued; !first_version_ && i < plan.chunks.size(); ++i) order_.push_back(plan.chunks[i].id);
    for (const RequestId id : order_) s.to_tail(id);
  }

  bool first_version_ = false;
  bool preempted_ = false;
  bool reordered_ = false;  // the running list is in another order at the next call
  std::vector<RequestId> order_;
};

}  // namespace

std::unique_ptr<BatchingPolicy> make_vllm_v0() {
  return std::make_unique<VllmV0>();
}

}  // namespace foretoken
