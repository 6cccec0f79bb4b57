// One rank, an engine with a scheduler and a KV pool: runs the plans of its batching policy in simulated time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/balance/context_balance.hpp"
#include "serving/balance/rank_balance.hpp"
#include "serving/batching/engine_policy.hpp"
#include "serving/rank/accounts.hpp"
#include "serving/rank/async_window.hpp"
#include "serving/rank/departures.hpp"
#include "serving/rank/rank_usage.hpp"
#include "serving/rank/receiver.hpp"
#include "serving/rank/step_clock.hpp"
#include "serving/rank/step_transfers.hpp"
#include "serving/rank/stretch.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// How a rank that decodes what others have computed gets it. Null: it does not.
struct Receiving {
  const HandOverRules* rules = nullptr;
  FirstToken first_token = FirstToken::where_prefilled;
  // Beside hand-overs: the KV tier that the replicas of its pool share; null: there is none.
  KvPlace* store = nullptr;
};

// The life of a step: planned, priced, ended, settled. A run of decode-only steps with the same members is one
// entry on the calendar (a stretch); an arrival that matters cuts it at the next boundary.
class EngineRank {
 public:
  EngineRank(int index, const PoolConfig& pool, const SimulationOptions& options, EnginePolicy policy,
             const PromptContents& prompts, Observer& observer, DepartureListener& listener,
             const Receiving& receiving = {});

  // A request from the router. It may be refused at once. It may have waited for blocks elsewhere before.
  void arrive(const Request& request, TimePoint now, Duration waited_for_blocks = {});

  void refuse(const Request& sent, TimePoint now);
  [[nodiscard]] bool could_hold(Request request) const { return fits(request); }

  // ---- hand-overs (engine_rank_receive.cpp) ----
  // One that another rank has handed over; or it will, when there are blocks for it here.
  void arrive(const HandOver& what, TimePoint now);
  void expect(const Request& request, TimePoint now);
  void take_over(RequestId id, const HandOver& what);
  // One of the KV caches that the running step sends or fetches has got there.
  void transferred_within_step(TimePoint now);
  // Its KV cache is here; or it is lost; or nobody will send it.
  void loaded(RequestId id, TimePoint now);
  void lost(RequestId id, TimePoint now);
  void cancel(RequestId id, TimePoint now);
  // The same of one whose prompt nobody will compute, by its index; empty: it does not wait here.
  std::optional<Request> forget_expected(std::int64_t request, TimePoint now);
  // The KV cache of one that this rank has handed over is where it goes on. True when others may want its blocks.
  bool release_pinned(RequestId id, TimePoint now);
  // The running steps end now.
  void end_steps(TimePoint now);
  // Requests that waited longer than queue_timeout leave.
  void expire(TimePoint now);
  // Nobody waits for the request of this index any more (engine_rank_abort.cpp).
  void abort(std::int64_t request, TimePoint now);
  // It is lost, with all that it has (engine_rank_crash.cpp).
  void crash(TimePoint now);
  // The schedule call. Precondition: no step is running.
  void schedule(TimePoint now);

  // The schedule call in two, for ranks that step together: whether there is something to
  // run, and its start with the group's time.
  [[nodiscard]] bool plan(TimePoint now, bool hold_contexts = false);
  void start_in_group(TimePoint now, const StepClock& clock, const StepTime& step, const StepTime& decode_only);
  // What it could put into a plan now.
  [[nodiscard]] RankOffer offer(TimePoint now);
  // What plan() decided; and how long the step waits for adapters.
  [[nodiscard]] std::int64_t planned_adapters() const { return step_adapters_; }
  [[nodiscard]] FineDuration planned_loads() const { return loads_; }
  [[nodiscard]] std::span<const PrefillChunk> planned_chunks() const { return chunks_; }
  [[nodiscard]] const DecodeShape& planned_decodes() const { return shape_; }

  // Reports everything still in the system as unfinished.
  void abandon(TimePoint now);

  [[nodiscard]] int index() const { return index_; }
  [[nodiscard]] bool idle() const { return !stepping_; }
  [[nodiscard]] TimePoint next_boundary() const { return stepping_ ? end_ : wake_; }
  [[nodiscard]] TimePoint next_timeout() const { return rank_.waiting.next_timeout(); }
  // What a router sees, as of now; in the midst of a stretch from its closed form.
  [[nodiscard]] ReplicaSignals signals(TimePoint now) const;
  [[nodiscard]] std::int64_t cached_tokens(const Request& request, TimePoint now) const;
  // Where the request's adapter is: see ClusterView::adapter_place.
  [[nodiscard]] AdapterPlace adapter_place(const Request& request) const;
  // What the balance of a group of ranks can know.
  [[nodiscard]] RankLoad load(TimePoint now) const;
  // So many tokens of the prompt's start come from another replica: they are in the prefix cache from the next call
  // on, as far as there are free blocks for them.
  void fetched(const Request& request, std::int64_t tokens, TimePoint now);
  [[nodiscard]] const ReplicaTotals& totals() const { return usage_.totals(); }
  [[nodiscard]] const SchedulerState& state() const { return state_; }
  [[nodiscard]] const AdapterSlots* adapters() const { return rank_.adapters.get(); }  // null: no LoRA
  // With what went to KV tiers and came from there, and what adapters were loaded.
  [[nodiscard]] ReplicaTotals all_totals() const;
  [[nodiscard]] std::int64_t waiting_requests() const {
    return rank_.waiting.size() + (has_extras_ ? waiting_elsewhere() : 0);
  }

 private:
  [[nodiscard]] StretchProgress progress(TimePoint now) const {
    if (!stepping_) return {};
    StretchProgress progress = steps_.progress(clock_, now);
    if (looked_after_ > 0 && progress.ended == looked_after_) progress.under_way = true;
    return progress;
  }
  [[nodiscard]] BlockFlow blocks_taken(const StretchProgress& progress) const;

  [[nodiscard]] bool drops_first_tokens() const { return hands_over_ && first_token_ != FirstToken::where_prefilled; }
  [[nodiscard]] bool fits(Request& request) const;
  [[nodiscard]] bool rests(TimePoint now);
  void wait(const Waiting& waiting, TimePoint now);
  void count_service(std::int64_t steps);
  void call_policy(TimePoint now, bool hold_contexts);
  void shape_plan(TimePoint now);
  [[nodiscard]] bool reveal(TimePoint now);

  // ---- speculation (engine_rank_speculation.cpp) ----
  void take_rows();
  void price_rows();
  void verify();
  void settle_rows();
  [[nodiscard]] std::int32_t next_drafts(const InFlight& r, std::int64_t emitted) const;

  // ---- prompts that are complete, and decode on, with the first step of a stretch (engine_rank_prompts.cpp) ----
  [[nodiscard]] std::optional<DecodeShape> shape_with_rows() const;
  [[nodiscard]] StepTime time_of_rows(const DecodeShape& rows) const;
  [[nodiscard]] bool prompts_decode_on() const;
  void start_with_prompts(bool as_rows);
  void settle_leading_prompts();
  void abandon_leading_prompts(TimePoint now);
  void forget_leading_prompts();

  // ---- LoRA (engine_rank_adapters.cpp) ----
  void plan_adapters();
  void start_steps_with_adapters(TimePoint now);
  // ---- what few runs have; with has_extras_ (engine_rank_extras.cpp) ----
  [[nodiscard]] bool extras_before_call(TimePoint now);
  void extras_after_call(TimePoint now);
  void plan_extras();
  [[nodiscard]] bool start_extras(TimePoint now);
  void set_step_with_extras(const StepTime& decode_only);
  [[nodiscard]] std::int64_t stretch_beside_extras(std::int64_t steps);
  [[nodiscard]] bool extras_see_end(TimePoint now);
  // Whether a call can hear of something beside arrivals.
  [[nodiscard]] bool learns_late() const { return hands_over_ || rules_ != nullptr || rank_.tiers || has_news_; }
  // Blocks that are held without a step have changed.
  void note_held(TimePoint now) { usage_.hold(stepping_ ? 0 : rank_.pool.used(), now); }
  void end_extras();
  void describe_extras(StepSpan& span) const;
  void account_extras();
  void tell_computed(RequestId id, bool complete, TimePoint now);
  void first_of_extras(InFlight& r);
  [[nodiscard]] std::int64_t waiting_elsewhere() const {
    return (receiver_ ? receiver_->seen : 0) +
           (rank_.tiers ? static_cast<std::int64_t>(rank_.tiers->loads.size() + rank_.tiers->swapped.size()) : 0);
  }
  void note_news();
  void stop_by_string(RequestId id, TimePoint now);
  void leave_out_stopped_rows();

  [[nodiscard]] [[gnu::noinline]] StepTime time_with_encoder();  // engine_rank_encoder.cpp

  void start_steps(TimePoint now);
  void start_stretch(const DecodeCurve& curve);
  void begin(TimePoint now);
  void begin_steps(TimePoint now);
  void begin_what_may_wait(TimePoint now);
  void cut(TimePoint now, std::int64_t boundaries_later = 0);

  void report_steps(TimePoint now);
  void settle_decodes(TimePoint now, const DecodeTotals& step);
  void settle_chunks(TimePoint now);
  void settle_chunks_beside(TimePoint now);
  void complete_prompt(RequestId id, TimePoint now);
  void finish_leaving(TimePoint now);

  // ---- aborts ----
  struct Abort {
    std::int64_t request;
    TimePoint since;
  };
  void settle_news(TimePoint now);
  void settle_aborts(TimePoint now);
  void settle_fetched();
  [[nodiscard]] bool abort_received(std::int64_t request, TimePoint now);
  [[nodiscard]] RequestId received(std::int64_t request) const;
  [[nodiscard]] bool is_coming(std::int64_t request) const;
  [[nodiscard]] bool ends_with_its_prompt(RequestId id, TimePoint now);
  [[nodiscard]] RequestId running_request(std::int64_t request) const;
  [[nodiscard]] Duration forget_copies(const Request& request, TimePoint now);
  void end_waiting(const Waiting& waiting, TimePoint now);
  void end_aborted(RequestId id, TimePoint now);
  void drop_within(RequestId id, TimePoint now);
  void lose_waiting(const Waiting& waiting, TimePoint now);
  void lose_received(TimePoint now);
  [[nodiscard]] std::int64_t most_blocks(std::int64_t ended) const;

  // ---- hand-overs ----
  void wait_for_blocks(RequestId id, TimePoint now);
  [[nodiscard]] std::int64_t steps_to_boundary(TimePoint now) const;
  [[nodiscard]] std::int64_t steps_to_poll(TimePoint now) const;
  void end_after(std::int64_t steps);
  void look_or_end() { end_ = std::min(clock_.after(steps_.elapsed()), looks_at_); }
  [[nodiscard]] bool looks_within(TimePoint now);
  void begin_loads_within(TimePoint now);
  void begin_loads_beside(std::int64_t owed, TimePoint now);
  [[nodiscard]] Duration exposed(RequestId id, TimePoint now) const;
  bool settle_gone(TimePoint now);
  void receive_before_call(TimePoint now);
  [[nodiscard]] bool receive_when_idle(TimePoint now);
  void receive_after_call(TimePoint now);
  [[nodiscard]] std::int64_t seats_left() const;
  bool take_in(TimePoint now, bool at_all);
  bool seat_ready(TimePoint now);
  bool emit_on_arrival(RequestId id, TimePoint now);
  void seat(RequestId id, TimePoint now);
  void begin_loads(TimePoint now, bool planned);
  [[nodiscard]] Refused why_no_load(std::int64_t owed) const;
  void begin_load(TimePoint now);

  // ---- hand-overs within steps (engine_rank_transfers.cpp); with transfers_ ----
  void wait_with_prompt(RequestId id, const HandOver& what, TimePoint now);
  void begin_transfers(TimePoint now);
  void send_layers(TimePoint now);
  void fetch_prompts(TimePoint now);
  [[nodiscard]] bool transfers_are_over(TimePoint now);
  void settle_chunks_that_waited(FineDuration waited, std::span<const RequestId> concerned);

  // ---- KV tiers (engine_rank_tiers.cpp); with rank_.tiers ----
  void tiers_before_call(TimePoint now);
  [[nodiscard]] bool tiers_when_idle(TimePoint now);
  [[nodiscard]] TimePoint next_of_tiers() const;
  void note_loads(TimePoint now);
  bool take_loaded(TimePoint now, bool at_all);
  [[nodiscard]] std::int64_t stretch_beside_tiers(std::int64_t steps);
  void cut_beside_tiers();
  void add_tier_time(TimePoint now);
  void settle_chunks_with_tiers(TimePoint now);
  [[nodiscard]] bool head_turns_to_tiers(TimePoint now);
  void turn_to_tiers(TimePoint now);
  void tell_not_needed(TimePoint now);
  [[nodiscard]] bool is_loading(std::int64_t request) const;
  [[nodiscard]] RequestId swapped_request(std::int64_t request) const;

  const int index_;
  const bool single_steps_;  // no stretches: the oracle, or an observer that wants every step
  const bool speculates_;    // steps verify drafts, one step at a time
  const bool hands_over_;    // a request whose prompt is computed
  const FirstToken first_token_;
  const bool tells_chunks_;        // computed of prompts that it will hand over
  std::int64_t sent_layers_ = 0;   // that a chunk computes one after the other, and sends so; 0: they go together
  const HandOverRules* rules_;     // null: it decodes nothing that others have computed
  const bool direct_;              // what comes is seated without a step
  bool prompts_may_lead_ = false;  // stretches, as far as engine and run go
  const LastRow last_row_;
  const CostModel& cost_;
  Observer& observer_;
  Departures departures_;
  std::unique_ptr<BatchingPolicy> policy_;
  RankState rank_;
  SchedulerState state_;  // the policy's window on it
  AsyncWindow async_;
  KvWaitClock kv_wait_;
  Accounts accounts_;
  RankUsage usage_;
  StepClock clock_;

  // What runs now, or is about to.
  bool stepping_ = false;
  // Anything that most runs have not, or there were news: the one test that the others make for it.
  bool has_extras_ = false;
  bool steps_may_wait_ = false;  // for KV caches: of tiers, or from pool to pool
  StepPlan plan_;
  bool next_call_differs_ = false;  // the plan holds for one step only
  std::vector<PrefillChunk> chunks_;
  DecodeShape shape_;
  std::int64_t decode_rows_ = 0;    // that emit
  std::int64_t counted_steps_ = 0;  // of those that run, whose tokens the queue was told of
  std::int64_t gap_rows_ = 0;       // of these, the ones that also emitted in the step before
  BlockFlow first_blocks_;          // of decodes in the first step; those that sit it out take none
  // Of speculation: what the rows of the step that ends put out, and how many drafts it made for the next one.
  struct Output {
    RequestId id;
    std::int64_t tokens;
  };
  std::vector<Output> outputs_;
  std::int64_t accepted_ = 0;  // of them, beyond one a row
  std::int64_t made_drafts_ = 0;
  // Of LoRA: distinct adapters of the step, and how long it waits for some of them.
  std::int64_t step_adapters_ = 0;
  FineDuration loads_;
  Stretch steps_;
  bool prompts_lead_ = false;  // the planned chunks complete prompts in their first step, which decode from then on
  TimePoint begin_{};
  TimePoint end_ = kNever;
  TimePoint looks_at_ = kNever;    // a boundary before their end where loads may begin
  std::int64_t looks_after_ = 0;   // so many of them
  bool looks_ = false;             // now
  std::int64_t looked_after_ = 0;  // the last one: what comes then is for the next call at the earliest; 0 = none
  TimePoint wake_ = kNever;
  std::unique_ptr<Receiver> receiver_;        // with rules_
  std::unique_ptr<StepTransfers> transfers_;  // null: no KV cache goes or comes within a step
  std::int64_t evictions_before_call_ = 0;
  std::vector<Abort> aborts_;  // of requests that run, for the next call
  bool has_news_ = false;  // aborts, prefixes from elsewhere, ends by stop strings of which the engine does not know
  struct Fetched {
    Request request;
    std::int64_t tokens;
  };
  std::vector<Fetched> fetched_;    // prefixes from elsewhere, for the next call
  std::vector<RequestId> leaving_;  // their last token came out with the steps that end now
};

}  // namespace foretoken
