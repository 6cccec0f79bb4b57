// SGLang scheduler (src/serving/README.md, "SGLang"; managers/scheduler.py, schedule_policy.py, schedule_batch.py
// of 0.4.6, 0.5.9 and 0.5.18). Prefill first: while a prefill batch can be formed it runs alone
// and decodes wait (with enable_mixed_chunk they are appended). A batch takes at most
// chunked_prefill_size tokens; at most one prompt is split. Admission charges what running
// requests may still write (max_tokens at most 4096, times new_token_ratio) and what the new
// one may write, in full. A refusal is not tried again until a request leaves; a finish seen by
// a decode step reopens admission for the step after. When decode runs out of pages, the
// requests with the fewest outputs are retracted to the tail of the queue.
// With ignore_eos and disable_radix_cache admission is the exact test of peak usage.
// SGLang shortens max_tokens to what the pool can hold; here a request that would be charged
// more than the whole pool runs alone.
// The overlap scheduler's step of delay and wasted row: serving/rank/async_window.hpp.
// Radix cache: pages that a step has computed are found by the next batches; evicted page by page in the
// order they were let go, where SGLang evicts whole leaves of its tree. Of a retracted request the
// pages of its prefill stay.
// Speculation: a decode needs pages for twice the tree of its drafts (SpeculationConfig::lookahead).
// Left out: schedule policies other than fcfs.
#include <algorithm>

#include "serving/batching/batching_policy.hpp"
#include "serving/engines/sglang/new_token_ratio.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kClip = 4096;        // of the estimate of tokens still to come
constexpr std::int64_t kRetractSteps = 20;  // a retraction leaves room for so many

class Sglang final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    receive(call);
    const bool left = s.running() < running_;
    if (left && last_was_prefill_) full_ = false;
    prefill(call, plan);
    if (plan.chunks.empty()) {
      if (left) full_ = false;
      if (s.running() == 0) {  // nothing to decode: at once, also when pages have come free of requests handed over
        full_ = false;
        prefill(call, plan);
      }
    }
    if (plan.chunks.empty()) {
      decode(call, plan);
      // Each step until the next look at new requests counts while one is there.
      plan.once = retracted_ || ((!full_ || skips_looks(s)) && s.waiting().head() != nullptr);
      if (s.running() == 0 && !retracted_) start_ratio(s);
    } else {
      plan.hold_decodes = !s.config.enable_mixed_chunk && s.decodes().size() > 0;
      if (s.config.enable_mixed_chunk && s.decodes().size() > 0) ratio_.skip_step();  // not a decode step
    }
    last_was_prefill_ = !plan.chunks.empty();
    running_ = s.running();
  }

  // A new head that finds no pages is told so at the next boundary.
  bool may_change_plan(const SchedulerState& s) const override {
    return !full_ || why_full_ == Blocked::kv_blocks || skips_looks(s);
  }

  bool can_serve(const SchedulerState&, const Request&) const override { return true; }

 private:
  struct Budget {
    std::int64_t total = 0;  // tokens that may be written
    std::int64_t input = 0;
    std::int64_t chunk = 0;
    std::int64_t page = 1;
  };

  static std::int64_t up(std::int64_t tokens, std::int64_t page) { return blocks_for(tokens, page) * page; }
  static std::int64_t emitted(const SchedulerState& s, const InFlight& r) {
    return r.phase == Phase::decoding ? s.decodes().context_of(r) - r.request.prompt_tokens + 1 : r.emitted;
  }
  static std::int64_t to_come(const SchedulerState& s, const InFlight& r) {
    return r.request.max_tokens - emitted(s, r);
  }

  // ---- scheduler_recv_interval: new requests are looked at after a prefill, when nothing runs,
  // and else after so many decode steps (scheduler_recv_skipper.py of 0.5.9) ----

  static bool skips_looks(const SchedulerState& s) { return s.config.scheduler_recv_interval > 1; }

  void receive(const ScheduleCall& call) {
    const SchedulerState& s = call.state;
    const std::int64_t interval = s.config.scheduler_recv_interval;
    const std::int64_t clock = s.decodes().clock().steps();
    if (last_was_prefill_ || s.running() == 0) {
      looked_at_ = clock;
      looked_ = call.known_until;
    } else if (const std::int64_t steps = clock - looked_at_; steps >= interval) {
      // Looks within a stretch found nothing: an arrival would have cut it.
      looked_at_ += steps / interval * interval;
      if (looked_at_ == clock) looked_ = call.known_until;
    }
  }

  // The head of the queue, if the scheduler has seen it.
  [[nodiscard]] const Waiting* head(const SchedulerState& s) const {
    const Waiting* head = s.waiting().head();
    if (head == nullptr || !skips_looks(s) || head->resumed != kNoRequest) return head;
    return head->came <= looked_ ? head : nullptr;
  }

  // ---- the share of max_tokens that running requests are expected to write ----

  [[nodiscard]] double new_token_ratio(const SchedulerState& s) {
    if (!ratio_.known()) start_ratio(s);
    return ratio_.at(s.decodes().clock().steps());
  }
  void start_ratio(const SchedulerState& s) {
    ratio_.start(s.config.schedule_conservativeness, s.decodes().clock().steps());
  }

  // ---- prefill ----

  void prefill(const ScheduleCall& call, StepPlan& plan) {
    SchedulerState& s = call.state;
    const bool nobody = full_ || head(s) == nullptr;
    if (full_ && head(s) != nullptr) plan.blocked = why_full_;
    if (nobody && s.prefilling().empty()) return;
    if (s.config.enable_mixed_chunk) s.decodes_take_first(s.decode_blocks_needed());
    Budget budget = budget_of(s);
    if (!s.prefilling().empty() && !continue_chunked(s, plan, budget)) return;
    while (!full_ && head(s) != nullptr && (passes_over(s, plan) || admit_one(call, plan, budget))) {
    }
    if (s.limits_adapters || s.has_tiers()) s.bring_back();
  }

  static bool passes_over(SchedulerState& s, StepPlan& plan) {
    if (!s.limits_adapters || !s.pass_over_head_without_slot()) return false;
    plan.blocked = Blocked::adapter;
    return true;
  }

  Budget budget_of(const SchedulerState& s) {
    Budget b;
    b.page = s.config.block_size;
    const double ratio = new_token_ratio(s);
    double expected = 0;
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      if (s[id].phase == Phase::decoding) {
        expected += static_cast<double>(std::min(to_come(s, s[id]), kClip)) * ratio;
      }
    }
    const std::int64_t mixed = s.config.enable_mixed_chunk ? s.decodes().size() : 0;
    b.total = s.free_blocks() * b.page - static_cast<std::int64_t>(expected) - mixed;
    b.input = s.config.max_prefill_tokens - mixed;
    b.chunk = std::max<std::int64_t>(s.config.chunked_prefill_size, b.page) - mixed;
    return b;
  }

  // The split prompt goes on; false when it leaves no room for others.
  static bool continue_chunked(SchedulerState& s, StepPlan& plan, Budget& budget) {
    const RequestId id = s.prefilling().front();
    const InFlight& r = s[id];
    const std::int64_t rest = r.known_tokens() - r.cached;
    const std::int64_t held = r.blocks * budget.page - r.cached;
    const std::int64_t tokens = std::min({rest, budget.chunk, held + free_for_prefill(s) * budget.page});
    if (tokens <= 0) return false;
    s.take_blocks(id, r.cached + tokens);
    plan.chunks.push_back({id, tokens});
    charge(budget, tokens, tokens == rest ? std::min(to_come(s, r), kClip) : 0);
    return tokens == rest && budget.chunk > 0 && budget.input > 0;
  }

  // Appended decodes take their pages in the same step.
  static std::int64_t free_for_prefill(const SchedulerState& s) {
    return s.free_blocks() - (s.config.enable_mixed_chunk ? s.decode_blocks_needed() : 0);
  }

  static void charge(Budget& budget, std::int64_t tokens, std::int64_t to_come) {
    budget.total -= up(tokens, budget.page) + to_come;
    budget.input -= up(tokens, budget.page);
    budget.chunk -= up(tokens, budget.page);
  }

  bool refuse(StepPlan& plan, Blocked why) {
    full_ = true;
    plan.blocked = why_full_ = why;
    return false;
  }

  // False: nobody else in this batch.
  bool admit_one(const ScheduleCall& call, StepPlan& plan, Budget& budget) {
    SchedulerState& s = call.state;
    const Waiting& head = *s.waiting().head();
    if (s.running() >= s.config.max_num_seqs) return refuse(plan, Blocked::seats);
    const bool resumed = head.resumed != kNoRequest;
    const std::int64_t known = resumed ? s[head.resumed].known_tokens() : head.request.prompt_tokens;
    const std::int64_t left = head.request.max_tokens - (known - head.request.prompt_tokens);
    const std::int64_t estimate = std::min(left, kClip);
    const PrefixMatch hit = s.match_head();
    if (s.has_tiers() && s.head_waits_for_tiers()) {  // what is fetched for it is not there: others go first
      s.set_aside();
      return true;
    }
    const std::int64_t rest = known - hit.tokens;
    // Cached and evictable until now, or about to be loaded.
    const std::int64_t locked = hit.free_blocks * budget.page + s.tokens_from_tiers();
    if (s.used_blocks() > 0 && !has_room(s, budget, rest + locked, left, estimate))
      return refuse(plan, Blocked::kv_blocks);
    const std::int64_t padded = up(rest, budget.page);
    const bool chunks = s.config.enable_chunked_prefill;
    const bool input_counts = !chunks || !version_at_least(s.config.version, "0.5.18");
    std::int64_t tokens = rest;
    if ((input_counts && padded >= budget.input && !plan.chunks.empty()) ||
        (chunks && padded > budget.chunk && (tokens = budget.chunk / budget.page * budget.page) <= 0)) {
      plan.blocked = Blocked::token_budget;
      return false;
    }
    if (s.blocks_to_take(hit, hit.tokens + tokens) > free_for_prefill(s)) return refuse(plan, Blocked::kv_blocks);
    const RequestId id = call.admit(hit);
    s.take_blocks(id, hit.tokens + tokens);
    plan.chunks.push_back({id, tokens});
    budget.total -= locked;
    charge(budget, tokens, tokens == rest ? estimate : 0);
    if (budget.total <= 0 && s.waiting().head() != nullptr) return refuse(plan, Blocked::kv_blocks);
    return tokens == rest && budget.input > 0 && (!chunks || budget.chunk > 0);
  }

  bool has_room(const SchedulerState& s, const Budget& budget, std::int64_t known, std::int64_t left,
                std::int64_t estimate) {
    if (s.config.ignore_eos_admission) return peak_fits(s, budget, known, left);
    const std::int64_t spare = version_at_least(s.config.version, "0.5.18") ? budget.page : 0;
    return known + estimate + spare < budget.total;
  }

  // When everyone runs to max_tokens: in order of who ends first, is there room for the
  // tokens that those still running will have written by then?
  bool peak_fits(const SchedulerState& s, const Budget& budget, std::int64_t known, std::int64_t left) {
    const std::int64_t padded = up(known, budget.page);
    std::int64_t room = s.free_blocks() * budget.page - padded;
    if (room < 0 || padded > budget.total) return false;
    ends_.clear();
    ends_.push_back({left, known});
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      const InFlight& r = s[id];
      const std::int64_t occupied = r.phase == Phase::decoding ? s.decodes().context_of(r) : r.known_tokens();
      ends_.push_back({to_come(s, r), occupied});
    }
    std::sort(ends_.begin(), ends_.end());
    auto running = static_cast<std::int64_t>(ends_.size());
    for (const auto& [steps, occupied] : ends_) {
      if (room - steps * running <= running) return false;
      room += occupied;
      --running;
    }
    return true;
  }

  // ---- decode ----

  void decode(const ScheduleCall& call, StepPlan& plan) {
    SchedulerState& s = call.state;
    retracted_ = false;
    if (s.decode_blocks_needed() <= s.free_blocks()) return;
    by_output_.clear();
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      if (s[id].phase == Phase::decoding) by_output_.push_back(id);
    }
    std::stable_sort(by_output_.begin(), by_output_.end(), [&](RequestId a, RequestId b) {
      const std::int64_t ours = emitted(s, s[a]);
      const std::int64_t theirs = emitted(s, s[b]);
      return ours != theirs ? ours > theirs : s[a].request.prompt_tokens < s[b].request.prompt_tokens;
    });
    while (s.decode_blocks_needed() > s.free_blocks() && !by_output_.empty()) {
      call.preempt(by_output_.back(), Requeue::last, Keep::published);
      by_output_.pop_back();
      retracted_ = true;
    }
    full_ = false;
    plan.blocked = Blocked::kv_blocks;
    std::int64_t out = 0;
    std::int64_t max_new = 0;
    for (const RequestId id : by_output_) {
      out += emitted(s, s[id]);
      max_new += s[id].request.max_tokens;
    }
    const auto count = static_cast<std::int64_t>(by_output_.size());
    (void)new_token_ratio(s);
    ratio_.set(static_cast<double>(out + kRetractSteps * count) / static_cast<double>(max_new + 1),
               s.decodes().clock().steps() + 1);  // this step does not count
  }

  bool full_ = false;  // SGLang's batch_is_full
  Blocked why_full_ = Blocked::nothing;
  bool last_was_prefill_ = false;
  std::int64_t looked_at_ = 0;  // the decode group's clock at the last look at new requests
  TimePoint looked_{};          // and its time
  bool retracted_ = false;
  std::int64_t running_ = 0;                                 // after the last call
  NewTokenRatio ratio_;                                      // by the decode group's clock
  std::vector<std::pair<std::int64_t, std::int64_t>> ends_;  // scratch: (tokens left, occupied)
  std::vector<RequestId> by_output_;                         // scratch
};

}  // namespace

std::unique_ptr<BatchingPolicy> make_sglang() {
  return std::make_unique<Sglang>();
}

}  // namespace foretoken
