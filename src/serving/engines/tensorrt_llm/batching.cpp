// TensorRT-LLM in-flight batching (src/serving/README.md, "TensorRT-LLM"; capacityScheduler.cpp,
// microBatchScheduler.cpp and the PyTorch executor of 2025-26). A capacity scheduler decides who may hold KV:
//   GUARANTEED_NO_EVICT  a request enters when its blocks to the end (prompt + max_tokens) fit
//                        beside those of all that run; nobody is ever paused
//   MAX_UTILIZATION      a request enters when its next step fits; when decoding runs out of
//                        blocks the last one started is paused and computed again later
//   STATIC_BATCH         as the first, but only when nothing runs
// Then a step takes every generation and contexts in arrival order within max_num_tokens: whole
// prompts, or with enable_chunked_prefill chunks rounded down to tokens_per_block, first come
// first served or EQUAL_PROGRESS. Contexts and generations share a step, but with
// batch_wait_timeout_iters contexts wait some steps for more of them. Under attention data parallelism they may wait
// for those of the other ranks: serving/balance/context_balance.hpp.
// The overlap scheduler's step of delay and wasted row: serving/rank/async_window.hpp.
// Block reuse: full blocks of contexts that are complete; GUARANTEED_NO_EVICT counts held ones once. A request whose
// next block another context computes now waits for it, and those behind it pass (beneficialToSkip; not under
// STATIC_BATCH, nor where layers have windows of their own). With the overlap scheduler the call after that context's
// last chunk neither finds its blocks nor sees a context: one that still waits then starts without them.
// A generation takes 1 + its drafts of max_num_tokens.
// LoRA: of those whose blocks fit, who asks for an adapter that no longer fits its pages is passed over, but with
// MAX_UTILIZATION nobody passes it.
// Left out: beams; batch_wait_* counts the tokens of those that wait for a block. A queued prompt
// shorter than the tokens that rounding leaves unused waits for the next step.
#include <algorithm>

#include "serving/batching/batching_policy.hpp"

namespace foretoken {
namespace {

class TensorRtLlm final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    const bool paused =
        call.state.config.capacity_scheduler_policy == "MAX_UTILIZATION" && pause_until_decodes_fit(call);
    note_computing(call.state);
    plan_step(call, plan);
    plan.once = plan.once || paused || !plan.skipped.empty() || (passed_over_ && plan.chunks.empty());
    call.state.bring_back();
  }

  bool may_change_plan(const SchedulerState& s) const override {
    return s.running() < s.config.max_num_seqs && s.decodes().size() < s.config.step_tokens() &&
           (s.config.capacity_scheduler_policy != "STATIC_BATCH" || s.running() == 0);
  }

  bool has_contexts(SchedulerState& s) override {
    StepPlan scratch;
    const std::int64_t budget = s.config.step_tokens() - s.decode_tokens();
    computing_.clear();
    const bool any = !s.prefilling().empty() || next(s, scratch, s.running() == 0, budget) > 0;
    if (s.limits_adapters) s.bring_back();
    return any;
  }

  bool can_serve(const SchedulerState& s, const Request& request) const override {
    return (s.config.enable_chunked_prefill || request.prompt_tokens <= s.config.max_num_batched_tokens) &&
           s.committed_blocks(request) <= s.config.usable_blocks();
  }

 private:
  void plan_step(const ScheduleCall& call, StepPlan& plan) {
    SchedulerState& s = call.state;
    const std::int64_t budget = s.config.step_tokens() - s.decode_tokens();
    if (budget < 0) leave_out(s, plan, -budget);
    const bool held = call.hold_contexts && s.decodes().size() > 0;
    if (held || contexts_wait(s, plan, budget)) {
      plan.once = true;
      plan.blocked = Blocked::waiting_for_batch;
      return;
    }
    if (plan.skipped.empty()) s.decodes_take_first(s.decode_blocks_needed());
    if (!s.config.enable_chunked_prefill) {
      admit_whole(call, plan, budget);
    } else if (s.config.context_chunking_policy == "EQUAL_PROGRESS") {
      equal_progress(call, plan, budget);
    } else {
      first_come(call, plan, budget);
    }
  }

  static bool pause_until_decodes_fit(const ScheduleCall& call) {
    SchedulerState& s = call.state;
    bool paused = false;
    while (s.decode_blocks_needed() > s.free_blocks()) {
      call.preempt(s.last_running());
      paused = true;
    }
    return paused;
  }

  // Generations beyond the token limit: the last ones started. One goes on, whatever it takes.
  static void leave_out(const SchedulerState& s, StepPlan& plan, std::int64_t tokens) {
    std::int64_t left = s.decodes().size();
    for (RequestId id = s.last_running(); tokens > 0 && left > 1; id = s[id].previous) {
      if (s[id].phase != Phase::decoding) continue;
      plan.skipped.push_back(id);
      --left;
      tokens -= s.speculates() ? s.row_tokens(id) : 1;
    }
    std::reverse(plan.skipped.begin(), plan.skipped.end());
  }

  // batch_wait_*: beside generations, contexts that could start wait for more of them. Their
  // number of tokens is that of all which wait, at most what the step has room for.
  bool contexts_wait(SchedulerState& s, StepPlan& plan, std::int64_t budget) {
    const std::int64_t generations = s.decodes().size();
    if (s.config.batch_wait_timeout_iters == 0 || generations == 0) return false;
    if (s.prefilling().empty() && next(s, plan, false, budget) == 0) return false;
    std::int64_t tokens = s.waiting().prompt_tokens();
    for (const RequestId id : s.prefilling()) tokens += rest(s, id);
    tokens = std::min(tokens, budget) + generations;
    const double enough = s.config.batch_wait_max_tokens_ratio * static_cast<double>(s.config.step_tokens());
    if (waited_ >= s.config.batch_wait_timeout_iters || static_cast<double>(tokens) >= enough) {
      waited_ = 0;
      return false;
    }
    ++waited_;
    return true;
  }

  // ---- who may hold KV ----

  // Tokens that the head of the queue has to compute, or 0 with the reason why it does not
  // start. Its prompt's blocks are free, and `hit_` is what is cached of it.
  std::int64_t next(SchedulerState& s, StepPlan& plan, bool batch_is_open, std::int64_t budget) {
    const Waiting* head = s.waiting().head();
    if (head == nullptr) return 0;
    const bool is_static = s.config.capacity_scheduler_policy == "STATIC_BATCH";
    if (is_static && !batch_is_open) {
      plan.blocked = Blocked::waiting_for_batch;
      return 0;
    }
    if (s.running() >= s.config.max_num_seqs) {
      plan.blocked = Blocked::seats;
      return 0;
    }
    while (true) {
      for (; waits_for_block(s, *head); passed_over_ = true) {
        s.set_aside();
        head = s.waiting().head();
        if (head == nullptr) {
          plan.blocked = Blocked::shared_block;
          return 0;
        }
      }
      hit_ = s.match_head();
      if (!s.limits_adapters || s.head_has_slot()) break;
      // Only where its blocks fit is its adapter what it lacks, and others pass.
      const bool in_order = s.config.capacity_scheduler_policy == "MAX_UTILIZATION";
      const bool passes = !in_order && fits(s, *head);
      plan.blocked = passes || in_order ? Blocked::adapter : Blocked::kv_blocks;
      plan.once = plan.once || (!in_order && hit_.free_blocks > 0);  // decodes may evict it, see PrefixMatch
      if (!passes) return 0;
      s.set_aside();
      head = s.waiting().head();
      if (head == nullptr) return 0;
    }
    const std::int64_t prompt = known(s, *head);
    const std::int64_t tokens = prompt - hit_.tokens;
    // A paused request that has outgrown max_num_tokens runs alone rather than never.
    const bool starts =
        s.config.enable_chunked_prefill ? cut(s, tokens, budget) > 0 : tokens <= budget || s.running() == 0;
    if (!starts) {
      plan.blocked = Blocked::token_budget;
      return 0;
    }
    if (!fits(s, *head)) {
      plan.blocked = Blocked::kv_blocks;
      plan.once = plan.once || (hit_.free_blocks > 0 && prompt > budget);  // see PrefixMatch
      return 0;
    }
    return tokens;
  }

  // Whether there are blocks for the head of the queue, of which `hit_` is cached.
  [[nodiscard]] bool fits(SchedulerState& s, const Waiting& head) const {
    if (s.config.capacity_scheduler_policy == "MAX_UTILIZATION")
      return s.blocks_to_take(hit_, known(s, head)) + s.decode_blocks_needed() <= s.free_blocks();
    return s.committed_blocks(head.request) - hit_.blocks + hit_.free_blocks + s.committed_blocks() <=
           s.config.usable_blocks();
  }

  // The block that each context computes next, where another may need the same.
  void note_computing(const SchedulerState& s) {
    computing_.clear();
    passed_over_ = false;
    if (s.waiting().head() == nullptr) return;
    for (const RequestId id : s.prefilling()) note_computing(s, s[id].request);
  }
  void note_computing(const SchedulerState& s, const Request& request) {
    if (s.has_window || s.config.capacity_scheduler_policy == "STATIC_BATCH") return;
    if (const auto block = s.first_new_block(request)) computing_.push_back(*block);
  }
  [[nodiscard]] bool waits_for_block(const SchedulerState& s, const Waiting& head) const {
    if (computing_.empty()) return false;
    const auto block = s.first_new_block(head.request);
    return block && std::find(computing_.begin(), computing_.end(), *block) != computing_.end();
  }

  static std::int64_t known(const SchedulerState& s, const Waiting& head) {
    return head.resumed != kNoRequest ? s[head.resumed].known_tokens() : head.request.prompt_tokens;
  }
  static std::int64_t rest(const SchedulerState& s, RequestId id) { return s[id].known_tokens() - s[id].cached; }

  RequestId start(const ScheduleCall& call) {
    const RequestId id = call.admit(hit_);
    note_computing(call.state, call.state[id].request);
    call.state.take_blocks(id, call.state[id].known_tokens());
    return id;
  }

  // ---- which contexts run ----

  // A whole prompt must fit beside its micro-batch's share of the generations; it goes where the fewest tokens are.
  void admit_whole(const ScheduleCall& call, StepPlan& plan, std::int64_t budget) {
    SchedulerState& s = call.state;
    const bool open = s.running() == 0;
    const std::int64_t batches = s.config.micro_batches, decodes = s.config.step_tokens() - budget;
    loads_.assign(static_cast<std::size_t>(batches), (decodes + batches - 1) / batches);
    auto least = loads_.begin();
    while (const std::int64_t tokens =
               next(s, plan, open, std::min(budget, s.config.max_num_batched_tokens - *least))) {
      plan.chunks.push_back({start(call), tokens});
      budget -= tokens;
      *least += tokens;
      least = std::min_element(loads_.begin(), loads_.end());
    }
  }

  void first_come(const ScheduleCall& call, StepPlan& plan, std::int64_t budget) {
    SchedulerState& s = call.state;
    const bool open = s.running() == 0;
    for (const RequestId id : s.prefilling()) {
      const std::int64_t tokens = cut(s, rest(s, id), budget);
      if (tokens <= 0) continue;
      plan.chunks.push_back({id, tokens});
      budget -= tokens;
    }
    while (const std::int64_t rest_of_head = next(s, plan, open, budget)) {
      const std::int64_t tokens = cut(s, rest_of_head, budget);
      plan.chunks.push_back({start(call), tokens});
      budget -= tokens;
    }
  }

  static std::int64_t unit(const SchedulerState& s) {
    return std::min<std::int64_t>(s.config.block_size, s.config.max_num_batched_tokens);
  }

  static std::int64_t cut(const SchedulerState& s, std::int64_t tokens, std::int64_t budget) {
    budget = std::min(budget, s.config.max_num_batched_tokens);
    if (tokens <= budget) return tokens;
    return std::max<std::int64_t>(0, budget) / unit(s) * unit(s);
  }

  // One unit each in turn. Only so many start as get a first unit.
  void equal_progress(const ScheduleCall& call, StepPlan& plan, std::int64_t budget) {
    SchedulerState& s = call.state;
    const bool open = s.running() == 0;
    for (const RequestId id : s.prefilling()) plan.chunks.push_back({id, 0});
    std::int64_t first_round = 0;
    for (const auto& chunk : plan.chunks) first_round += std::min(unit(s), rest(s, chunk.id));
    while (const std::int64_t rest_of_head = next(s, plan, open, budget - first_round)) {
      plan.chunks.push_back({start(call), 0});
      first_round += std::min(unit(s), rest_of_head);
    }
    for (bool progress = true; progress;) {
      progress = false;
      for (StepPlan::Chunk& chunk : plan.chunks) {
        const std::int64_t tokens = std::min(unit(s), rest(s, chunk.id) - chunk.tokens);
        if (tokens == 0 || tokens > budget) continue;
        chunk.tokens += tokens;
        budget -= tokens;
        progress = true;
      }
    }
    std::erase_if(plan.chunks, [](const StepPlan::Chunk& chunk) { return chunk.tokens == 0; });
  }

  std::int64_t waited_ = 0;  // steps in which contexts waited for company
  PrefixMatch hit_;          // of the head, by next()
  std::vector<BlockPool::Key> computing_;
  std::vector<std::int64_t> loads_;  // tokens of the step's micro-batches, in admit_whole()
  bool passed_over_ = false;         // somebody was, in this call
};

}  // namespace

std::unique_ptr<BatchingPolicy> make_tensorrt_llm() {
  return std::make_unique<TensorRtLlm>();
}

}  // namespace foretoken
