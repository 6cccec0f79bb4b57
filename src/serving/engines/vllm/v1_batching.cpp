// vLLM V1 scheduler (src/serving/README.md, "vLLM V1"; vLLM 0.15 to 0.28, core/sched/scheduler.py and
// async_scheduler.py; when a call is made and what it knows: serving/rank/async_window.hpp): running
// requests first, in admission order, then the queue, under one token budget; chunked prefill;
// preemption by recompute from the tail. Prefix caching over full blocks, which are found from the
// moment they are scheduled (serving/kv_cache).
// Fields: the full-prompt KV gate (0.19+), the watermark beyond that gate (0.24+), chunked prefill off,
// long_prefill_token_threshold, priority scheduling.
// Left out: 0.24's order of free blocks is inexact where async scheduling evicts a request whose last token is still to
// come (a prefix is found or lost in 1 of 70 overfull random runs); of layers with a window: their blocks are let go
// before any are taken in a step; drafts with several groups of layers.
#include <algorithm>

#include "serving/batching/batching_policy.hpp"

namespace foretoken {
namespace {

class VllmV1 final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    if (s.encoder() != nullptr) return schedule_with_encoder(call, plan);
    std::int64_t budget = s.step_tokens;
    bool preempted = false;
    if (order_does_not_matter(s)) {
      preempted = schedule_running(call, plan, budget);
    } else {
      preempted = schedule_running_in_order(call, plan, budget);
    }
    plan.once = preempted;  // a step with a preemption admits nobody, the next one may
    if (preempted || s.waiting().head() == nullptr) return;
    admit_waiting(call, plan, budget);
    if (s.limits_adapters || s.has_tiers()) s.bring_back();
  }

  bool may_change_plan(const SchedulerState& s) const override {
    return s.running() < s.config.max_num_seqs && s.decodes().size() < s.step_tokens;
  }

  bool remembers_idle_calls() const override { return false; }

  bool can_serve(const SchedulerState& s, const Request& request) const override {
    return s.config.enable_chunked_prefill || request.prompt_tokens <= s.config.max_num_batched_tokens;
  }

 private:
  // A chunk that stopped before an item goes on when there is room, which another step has.
  [[gnu::noinline]] void schedule_with_encoder(const ScheduleCall& call, StepPlan& plan) {
    call.state.encoder()->begin_call();
    held_up_ = false;
    std::int64_t budget = call.state.step_tokens;
    const bool preempted = schedule_running_in_order(call, plan, budget);
    if (!preempted && call.state.waiting().head() != nullptr) admit_waiting(call, plan, budget);
    plan.once = plan.once || preempted || held_up_;
  }

  static std::int64_t capped(const SchedulerState& s, std::int64_t tokens) {
    const std::int64_t threshold = s.config.long_prefill_token_threshold;
    if (s.config.enable_chunked_prefill) tokens = std::min(tokens, s.config.max_num_batched_tokens);
    return threshold > 0 ? std::min(tokens, threshold) : tokens;
  }

  // Decodes take one token each. When all of them fit the budget, none stands behind a
  // half-prefilled request, and victims come from the tail, the walk along the
  // running list has a closed form.
  static bool order_does_not_matter(const SchedulerState& s) {
    return s.decodes().size() <= s.step_tokens && !s.prefill_before_decode() && !s.by_priority && !s.speculates();
  }

  // Evicting from the tail until the survivors' needs fit is what the walk in order
  // does: it evicts one more only when an older request cannot have its blocks.
  static bool schedule_running(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget) {
    SchedulerState& s = call.state;
    bool preempted = false;
    std::size_t taken = 0;  // so many of the chunks have their blocks
    while (true) {
      plan.chunks.clear();
      budget = s.step_tokens - s.decodes().size();
      std::int64_t need = s.decode_blocks_needed();
      for (const RequestId id : s.prefilling()) {
        const InFlight& r = s[id];
        const std::int64_t tokens = std::min(capped(s, r.known_tokens() - r.cached), budget);
        if (tokens == 0) continue;
        need += s.blocks_needed(id, r.cached + tokens);
        budget -= tokens;
        plan.chunks.push_back({id, tokens});
      }
      if (need <= s.free_blocks()) break;
      taken = take_before_eviction(s, plan, taken);
      call.preempt(s.last_running());
      preempted = true;
    }
    for (; taken < plan.chunks.size(); ++taken) allocate(s, plan.chunks[taken]);
    return preempted;
  }

  // 0.24, where a victim's last block stands first in the queue: who stands before the one that lacks blocks has its
  // own by now and takes none of the victim's.
  static std::size_t take_before_eviction(SchedulerState& s, const StepPlan& plan, std::size_t taken) {
    if (!s.partial_blocks_stand_first()) return taken;
    const std::int64_t all = s.decode_blocks_needed();
    const std::int64_t decodes = all <= s.free_blocks() ? all : blocks_before_one_that_lacks_them(s);
    s.decodes_take_first(decodes);
    for (; decodes == all && taken < plan.chunks.size(); ++taken) {
      const StepPlan::Chunk& chunk = plan.chunks[taken];
      if (decodes + s.blocks_needed(chunk.id, s[chunk.id].cached + chunk.tokens) > s.free_blocks()) break;
      allocate(s, chunk);
    }
    return taken;
  }

  // A row takes all of its blocks, one for each group of layers, or none.
  static std::int64_t blocks_before_one_that_lacks_them(const SchedulerState& s) {
    std::int64_t sum = 0;
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      const std::int64_t own = need(s, id, 1);
      if (sum + own > s.free_blocks()) break;
      sum += own;
    }
    return sum;
  }

  // Full blocks are found from the moment they are scheduled.
  static void allocate(SchedulerState& s, RequestId id, std::int64_t tokens) {
    s.take_blocks(id, s.with_lookahead(tokens));
    s.publish(id, tokens);
  }
  static void allocate(SchedulerState& s, const StepPlan::Chunk& chunk) {
    allocate(s, chunk.id, s[chunk.id].cached + chunk.tokens);
  }

  // The walk itself, one request at a time.
  bool schedule_running_in_order(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget) {
    SchedulerState& s = call.state;
    bool preempted = false;
    decode_blocks_ = 0;
    scheduled_.clear();
    RequestId id = s.first_running();
    while (id != kNoRequest && budget > 0) {
      const std::int64_t tokens = wanted(s, id, budget);
      if (tokens == 0) {
        id = s[id].next;
        continue;
      }
      if (!make_room(call, id, tokens, budget)) {
        preempted = true;
        break;
      }
      preempted = preempted || evicted_;
      take(s, id, tokens);
      budget -= tokens + s.config.speculation.slots_per_request;
      id = s[id].next;
    }
    collect(s, plan);
    return preempted;
  }

  std::int64_t wanted(const SchedulerState& s, RequestId id, std::int64_t budget) {
    const InFlight& r = s[id];
    // Drafts beyond the budget are dropped.
    if (r.phase == Phase::decoding) return s.speculates() ? std::min(s.row_tokens(id), budget) : 1;
    if (r.phase == Phase::leaving) return 0;
    const std::int64_t tokens = std::min(capped(s, r.known_tokens() - r.cached), budget);
    return s.encoder() == nullptr ? tokens : encodable(s, id, r.request, r.cached, tokens);
  }

  // So many of them, where items lie among them: the step's encoder has room for no more. Another step has.
  std::int64_t encodable(const SchedulerState& s, RequestId id, const Request& request, std::int64_t computed,
                         std::int64_t tokens) {
    const std::int64_t fits = s.encoder()->fit(id, request, computed, tokens);
    held_up_ = held_up_ || fits < tokens;
    return fits;
  }

  static std::int64_t need(const SchedulerState& s, RequestId id, std::int64_t tokens) {
    const InFlight& r = s[id];
    if (r.phase != Phase::decoding) return s.blocks_needed(id, s.with_lookahead(r.cached + tokens));
    return s.speculates() ? s.blocks_of_row(id, tokens) : s.decodes().blocks_of_step(r);
  }

  // Evicts until `id` can have its blocks; false when it had to go itself.
  bool make_room(const ScheduleCall& call, RequestId id, std::int64_t tokens, std::int64_t& budget) {
    SchedulerState& s = call.state;
    evicted_ = false;
    while (need(s, id, tokens) > s.free_blocks() - decode_blocks_) {
      const RequestId victim = choose_victim(s);
      if (s.partial_blocks_stand_first())
        s.decodes_take_first(decode_blocks_);  // of what is free before the victim leaves
      give_back(s, victim, budget);
      call.preempt(victim);
      evicted_ = true;
      if (victim == id) return false;
    }
    return true;
  }

  static RequestId choose_victim(const SchedulerState& s) {
    if (!s.by_priority) return s.last_running();
    RequestId victim = s.first_running();
    for (RequestId id = victim; id != kNoRequest; id = s[id].next) {
      const Request& a = s[id].request;
      const Request& b = s[victim].request;
      if (a.priority > b.priority || (a.priority == b.priority && a.index > b.index)) victim = id;
    }
    return victim;
  }

  // A victim that was already scheduled in this step returns its tokens and its drafter's slots.
  void give_back(SchedulerState& s, RequestId victim, std::int64_t& budget) {
    const auto place =
        std::find_if(scheduled_.begin(), scheduled_.end(), [&](const StepPlan::Chunk& c) { return c.id == victim; });
    if (place == scheduled_.end()) return;
    budget += place->tokens + s.config.speculation.slots_per_request;
    if (s[victim].phase == Phase::decoding && !s.speculates()) {
      const BlockFlow flow = s.decodes().flow_of_step(s[victim]);
      decode_blocks_ -= flow.net();
      if (flow.taken > 0) s.blocks_go_round(victim, flow.taken);
    }
    scheduled_.erase(place);
  }

  void take(SchedulerState& s, RequestId id, std::int64_t tokens) {
    if (s[id].phase != Phase::decoding) {
      allocate(s, id, s[id].cached + tokens);
      if (EncoderCache* encoder = s.encoder()) encoder->take(id);
    } else {
      if (s.speculates())
        s.take_blocks_of_row(id, tokens);
      else
        decode_blocks_ += need(s, id, 1);
      // The token it feeds in is known, unless its step still runs.
      s.publish(id, s.decodes().context_of(s[id]) + (s.config.async_scheduling ? 0 : 1));
    }
    scheduled_.push_back({id, tokens});
  }

  // From a list of who runs to a plan of chunks and of who sits out.
  void collect(const SchedulerState& s, StepPlan& plan) {
    std::size_t next = 0;
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      const bool runs = next < scheduled_.size() && scheduled_[next].id == id;
      if (s[id].phase == Phase::decoding) {
        if (!runs)
          plan.skipped.push_back(id);
        else if (s.speculates())
          plan.rows.push_back(scheduled_[next]);
      } else if (runs) {
        plan.chunks.push_back(scheduled_[next]);
      }
      if (runs) ++next;
    }
  }

  // Precondition: somebody waits.
  void admit_waiting(const ScheduleCall& call, StepPlan& plan, std::int64_t& budget) {
    SchedulerState& s = call.state;
    // Decoding requests that run have not been charged for their blocks yet.
    std::int64_t owed = s.speculates() ? 0 : s.decode_blocks_needed();
    if (!s.speculates())
      for (const RequestId id : plan.skipped) owed -= need(s, id, 1);
    s.decodes_take_first(owed);
    const auto fits = [&](std::int64_t blocks) { return blocks + owed <= s.free_blocks(); };
    const auto reserve = static_cast<std::int64_t>(s.config.watermark * static_cast<double>(s.config.num_gpu_blocks));
    while (const Waiting* head = s.waiting().head()) {
      if (s.running() >= s.config.max_num_seqs) {
        plan.blocked = Blocked::seats;
        return;
      }
      if (budget <= 0) {
        plan.blocked = Blocked::token_budget;
        return;
      }
      if (s.limits_adapters && s.pass_over_head_without_slot()) {
        plan.blocked = Blocked::adapter;
        continue;
      }
      const std::int64_t known =
          head->resumed != kNoRequest ? s[head->resumed].known_tokens() : head->request.prompt_tokens;
      const PrefixMatch hit = s.match_head();
      if (s.has_tiers() && (s.head_waits_for_tiers() || s.head_is_to_be_loaded())) {
        if (passes_by(call, plan, hit, known, owed, reserve)) continue;
        return;
      }
      std::int64_t tokens = capped(s, known - hit.tokens);
      if (tokens > budget) {
        if (s.config.enable_chunked_prefill) {
          tokens = budget;
        } else if (s.running() > 0) {  // else it has outgrown what the drafter leaves, and runs alone
          plan.blocked = Blocked::token_budget;
          return;
        }
      }
      if (s.encoder() != nullptr) {
        tokens = encodable(s, kNoRequest, head->request, hit.tokens, tokens);
        if (tokens == 0) {
          plan.blocked = Blocked::token_budget;
          return;
        }
      }
      const std::int64_t kept_back = s.running() > 0 ? reserve : 0;
      std::int64_t gate = s.config.scheduler_reserve_full_isl ? s.blocks_to_take_in_all(hit, known)
                                                              : s.blocks_to_take(hit, hit.tokens + tokens);
      // It does not count the drafter's tokens; the first chunk's blocks do.
      if (s.speculates()) gate = std::max(gate, s.blocks_to_take(hit, s.with_lookahead(hit.tokens + tokens)));
      if (!fits(gate + kept_back)) {
        plan.blocked = Blocked::kv_blocks;
        plan.once = hit.free_blocks > 0 && s.decodes().size() > 0;  // see PrefixMatch
        return;
      }
      const RequestId id = call.admit(hit);
      allocate(s, id, hit.tokens + tokens);
      if (EncoderCache* encoder = s.encoder()) encoder->take(id);
      plan.chunks.push_back({id, tokens});
      budget -= tokens + s.config.speculation.slots_per_request;
    }
  }

  // Who waits for a KV tier, or is loaded from one beside the steps, takes no seat and nothing of the budget. False: it
  // cannot have its blocks, and nobody behind it is looked at.
  [[gnu::noinline]] static bool passes_by(const ScheduleCall& call, StepPlan& plan, const PrefixMatch& hit,
                                          std::int64_t known, std::int64_t owed, std::int64_t reserve) {
    SchedulerState& s = call.state;
    if (s.head_waits_for_tiers()) {
      s.set_aside();
      return true;
    }
    // Main reserves what loads will need; releases before it can stand still, each load with a part of its blocks.
    const std::int64_t gate = s.blocks_to_take_in_all(hit, known) + s.blocks_owed_to_loads();
    if (gate + owed + (s.running() > 0 ? reserve : 0) > s.free_blocks()) {
      plan.blocked = Blocked::kv_blocks;
      plan.once = hit.free_blocks > 0 && s.decodes().size() > 0;  // see PrefixMatch
      return false;
    }
    call.load_head(hit);
    return true;
  }

  std::vector<StepPlan::Chunk> scheduled_;  // in the running list's order
  std::int64_t decode_blocks_ = 0;          // taken by the decodes in scheduled_
  bool evicted_ = false;
  bool held_up_ = false;  // a chunk stopped before an item
};

}  // namespace

std::unique_ptr<BatchingPolicy> make_vllm_v1() {
  return std::make_unique<VllmV1>();
}

}  // namespace foretoken
