// Drives a rank from arrivals to the last departure and checks each plan.
#include "contract/batching_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "serving/rank/engine_rank.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

// Beyond this many schedule calls a small trial will never end.
constexpr std::size_t kMostCalls = 200'000;

// The policy, with its plans checked and written down.
class Watched final : public BatchingPolicy {
 public:
  Watched(const PolicyUnderTest& policy, Boundaries boundaries, TrialReport& report)
      : policy_(policy), inner_(policy.make()), boundaries_(boundaries), report_(report) {}

  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    const bool must_repeat = repeats_ && excused_ == 0 && s.decode_blocks_needed() + spare_ <= s.free_blocks();
    excused_ = std::max(0, excused_ - 1);
    const std::int64_t running = s.running();
    inner_->schedule(call, plan);
    const std::string text = describe(s, plan);
    if (must_repeat && text != report_.plans.back()) {
      broken("a plan of decodes only became '{}' although nothing happened", text);
    }
    report_.plans.push_back(text);
    check_members(s, plan);
    check_limits(s, plan);
    const std::int64_t rows = rows_of(s, plan);
    const bool empty = plan.chunks.empty() && rows == 0;
    if (empty && plan.once && s.running() >= running) {
      broken("wants to be called again although nobody was evicted");
      plan.once = false;  // the rank would never stop calling
    }
    // Under async_scheduling an empty plan made with unseen finishes is made again without them.
    const bool final = unseen_finishes(s) == 0;
    if (empty && final && !plan.once && s.running() > 0) broken("the engine stands still with running requests");
    if (empty && final && !plan.once && s.running() == 0 && s.waiting().head() != nullptr && plan.wake == kNever) {
      broken("the engine idles with a request in the queue");
    }
    spare_ = plan.spare_blocks;
    repeats_ = !empty && plan.chunks.empty() && plan.skipped.empty() && !plan.once;
  }
  bool may_change_plan(const SchedulerState& s) const override {
    return boundaries_ == Boundaries::every_arrival || inner_->may_change_plan(s);
  }
  bool can_serve(const SchedulerState& s, const Request& r) const override { return inner_->can_serve(s, r); }

  // What happens is seen by the next call, or by the one after it.
  void finished(bool async) { excused_ = async ? 2 : 1; }
  void arrived() { excused_ = 2; }
  void new_head(const SchedulerState& s) {
    if (inner_->may_change_plan(s)) excused_ = 1;
  }

 private:
  template <class... Args>
  void broken(fmt::format_string<Args...> what, Args&&... args) {
    report_.violations.push_back(fmt::format("call {}: ", report_.plans.size()) +
                                 fmt::format(what, std::forward<Args>(args)...));
  }

  static std::int64_t rows_of(const SchedulerState& s, const StepPlan& plan) {
    return plan.hold_decodes ? 0 : s.decodes().size() - static_cast<std::int64_t>(plan.skipped.size());
  }

  static std::int64_t unseen_finishes(const SchedulerState& s) {
    std::int64_t count = 0;
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) count += s[id].finished ? 1 : 0;
    return count;
  }

  static std::string describe(const SchedulerState& s, const StepPlan& plan) {
    std::string text;
    for (const auto& c : plan.chunks) text += fmt::format("{}:{} ", s[c.id].request.index, c.tokens);
    text += fmt::format("| {} of {} padding {}", rows_of(s, plan), s.decodes().size(), plan.padding_rows);
    for (const RequestId id : plan.skipped) text += fmt::format(" -{}", s[id].request.index);
    return text;
  }

  void check_members(const SchedulerState& s, const StepPlan& plan) {
    std::set<RequestId> seen;
    for (const auto& chunk : plan.chunks) {
      const InFlight& r = s[chunk.id];
      if (!seen.insert(chunk.id).second) broken("request {} is planned twice", r.request.index);
      if (r.phase != Phase::prefilling) broken("request {} has nothing to prefill", r.request.index);
      if (chunk.tokens <= 0 || r.cached + chunk.tokens > r.known_tokens()) {
        broken("request {} is to compute {} of {} tokens", r.request.index, chunk.tokens, r.known_tokens() - r.cached);
      }
      if (s.blocks_needed(chunk.id, r.cached + chunk.tokens) > 0) broken("request {} lacks blocks", r.request.index);
    }
    if (plan.hold_decodes && !plan.skipped.empty()) broken("all decodes are held and some skipped");
    for (const RequestId id : plan.skipped) {
      if (!seen.insert(id).second) broken("request {} is planned and skipped", s[id].request.index);
      if (s[id].phase != Phase::decoding) broken("request {} is skipped but decodes nothing", s[id].request.index);
    }
  }

  void check_limits(const SchedulerState& s, const StepPlan& plan) {
    const std::int64_t rows = rows_of(s, plan);
    std::int64_t tokens = rows;
    for (const auto& chunk : plan.chunks) tokens += chunk.tokens;
    if (s.running() > s.config.max_num_seqs) broken("{} run of max_num_seqs {}", s.running(), s.config.max_num_seqs);
    if (policy_.keeps_token_budget && tokens > s.config.step_tokens()) {
      broken("{} tokens of max_num_batched_tokens {}", tokens, s.config.step_tokens());
    }
    if (plan.padding_rows < 0) broken("{} padding rows", plan.padding_rows);
    std::int64_t growth = 0;
    for (RequestId id = s.first_running(); id != kNoRequest; id = s[id].next) {
      const bool sits_out =
          plan.hold_decodes || std::find(plan.skipped.begin(), plan.skipped.end(), id) != plan.skipped.end();
      if (policy_.kv.blocks == BlockPolicy::reserve || s[id].phase != Phase::decoding || sits_out) continue;
      growth += s.decodes().context_of(s[id]) % s.config.block_size == 0 ? 1 : 0;
    }
    if (growth > s.free_blocks()) {
      broken("decodes need {} blocks and {} of {} are free", growth, s.free_blocks(), s.config.usable_blocks());
    }
  }

  const PolicyUnderTest& policy_;
  std::unique_ptr<BatchingPolicy> inner_;
  Boundaries boundaries_;
  TrialReport& report_;
  bool repeats_ = false;    // the contract wants the last plan again
  int excused_ = 0;         // calls that may answer differently because something happened
  std::int64_t spare_ = 0;  // while so many blocks stay free
};

class Driver final : public DepartureListener {
 public:
  Driver(const PolicyUnderTest& policy, const Trial& trial, Boundaries boundaries, TrialReport& report)
      : trial_(trial), report_(report), cost_(trial.cost) {
    auto watched = std::make_unique<Watched>(policy, boundaries, report);
    watched_ = watched.get();
    pool_.engine = trial.engine;
    pool_.cost = &cost_;
    options_.step_by_step = boundaries == Boundaries::every_step;
    rank_ = std::make_unique<EngineRank>(
        0, pool_, options_, EnginePolicy{std::move(watched), policy.kv, policy.last_row}, nullptr, recorder_, *this);
  }

  void load_begins(int, RequestId, const Request&, std::int64_t, Duration, TimePoint) override {}
  void computed(int, const Request&, std::int64_t, bool, TimePoint) override {}
  void computes(int, const Request&, std::int64_t, bool, TimePoint, TimePoint) override {}
  void sends(int, const Request&, LayersSent, TimePoint, TimePoint) override {}
  void fetches(int, const Request&, TimePoint) override {}
  void not_needed(int, const Request&, TimePoint) override {}
  void handed_over(const HandOver&) override {
    report_.violations.push_back("a request is handed over by a pool that does all of it");
  }
  void step_too_long(int) override { report_.violations.push_back("a step is too long to be timed"); }

  void run() {
    while (report_.violations.empty()) {
      const TimePoint arrival = next_ < trial_.requests.size() ? trial_.requests[next_].arrival : kNever;
      const TimePoint now = std::min(arrival, rank_->next_boundary());
      if (now == kNever) break;
      outcome_.end = now;
      if (!rank_->idle() && rank_->next_boundary() == now) rank_->end_steps(now);
      while (next_ < trial_.requests.size() && trial_.requests[next_].arrival == now) arrive(now);
      if (rank_->idle()) rank_->schedule(now);
      if (report_.plans.size() > kMostCalls) report_.violations.push_back("the trial never ends");
    }
    if (!report_.violations.empty()) return;
    if (outcome_.finished + outcome_.rejected != static_cast<std::int64_t>(trial_.requests.size())) {
      report_.violations.push_back(
          fmt::format("{} of {} requests never leave",
                      static_cast<std::int64_t>(trial_.requests.size()) - outcome_.finished - outcome_.rejected,
                      trial_.requests.size()));
    }
    if (report_.plans_before_finish == 0) report_.plans_before_finish = report_.plans.size();
    check_order();
    for (const RequestRecord& r : recorder_.records) report_.preemptions += r.preemptions;
    outcome_.replicas = {rank_->totals()};
    report_.result = recorder_.text(outcome_);
  }

  void departed(int, const Request&, Outcome outcome, TimePoint) override {
    if (outcome == Outcome::rejected) {
      ++outcome_.rejected;
      return;
    }
    ++outcome_.finished;
    watched_->finished(trial_.engine.async_scheduling);
    if (report_.plans_before_finish == 0) report_.plans_before_finish = report_.plans.size();
  }

 private:
  [[nodiscard]] std::int64_t head() const {
    const Waiting* head = rank_->state().waiting().head();
    return head == nullptr ? -1 : head->request.index;
  }

  // The trial's pools hold the longest request; what a watermark would never let in may be refused.
  [[nodiscard]] bool fits(const Request& request) const {
    const EngineConfig& engine = trial_.engine;
    const auto watermark = static_cast<std::int64_t>(engine.watermark * static_cast<double>(engine.num_gpu_blocks));
    return request.prompt_tokens < engine.max_model_len &&
           blocks_for(request.prompt_tokens, engine.block_size) + watermark <= engine.usable_blocks();
  }

  void arrive(TimePoint now) {
    const Request& request = trial_.requests[next_++];
    const std::int64_t before = head();
    const std::int64_t rejected = outcome_.rejected;
    rank_->arrive(request, now);
    ++outcome_.arrived;
    if (trial_.engine.async_scheduling)
      watched_->arrived();
    else if (head() != before)
      watched_->new_head(rank_->state());
    if (outcome_.rejected > rejected && fits(request)) {
      report_.violations.push_back(fmt::format("request {} is refused although it fits", request.index));
    }
  }

  // Nobody is first scheduled before an older request of the same urgency.
  void check_order() {
    std::map<int, TimePoint> latest;
    for (const RequestRecord& r : recorder_.by_index()) {
      if (r.outcome != Outcome::finished) continue;
      TimePoint& last = latest[trial_.engine.scheduling_policy == "priority" ? r.request.priority : 0];
      if (r.scheduled < last) {
        report_.violations.push_back(fmt::format("request {} overtakes an older one", r.request.index));
      }
      last = std::max(last, r.scheduled);
    }
  }

  const Trial& trial_;
  TrialReport& report_;
  StubCost cost_;
  PoolConfig pool_;
  SimulationOptions options_;
  Recorder recorder_;
  SimulationOutcome outcome_;
  Watched* watched_ = nullptr;
  std::unique_ptr<EngineRank> rank_;
  std::size_t next_ = 0;
};

// The same requests with other true lengths below the same max_tokens.
Trial with_other_outputs(Trial trial) {
  for (Request& r : trial.requests) r.output_tokens = 1 + (r.output_tokens * 7 + 3) % r.max_tokens;
  return trial;
}

}  // namespace

TrialReport run_trial(const PolicyUnderTest& policy, const Trial& trial, Boundaries boundaries) {
  TrialReport report;
  Driver(policy, trial, boundaries, report).run();
  return report;
}

TrialReport check_contract(const PolicyUnderTest& policy, const Trial& trial) {
  TrialReport report = run_trial(policy, trial);
  if (!report.violations.empty()) return report;
  const auto compare = [&](const TrialReport& other, const char* what) {
    if (!other.violations.empty()) {
      report.violations = other.violations;
    } else if (other.result != report.result) {
      report.violations.push_back(what);
    }
  };
  compare(run_trial(policy, trial), "two runs of the same trial differ");
  compare(run_trial(policy, trial, Boundaries::policy_says), "runs of steps differ from single steps");
  compare(run_trial(policy, trial, Boundaries::every_arrival), "cutting runs at every arrival changes the schedule");

  const TrialReport other = run_trial(policy, with_other_outputs(trial));
  const std::size_t common = std::min(report.plans_before_finish, other.plans_before_finish);
  for (std::size_t i = 0; i < common; ++i) {
    if (report.plans[i] == other.plans[i]) continue;
    report.violations.push_back(fmt::format("call {}: the plan depends on true output lengths: '{}' or '{}'", i,
                                            report.plans[i], other.plans[i]));
    break;
  }
  return report;
}

}  // namespace foretoken::test
