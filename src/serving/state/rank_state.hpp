// The requests and the KV blocks of a rank, and the moves that keep them consistent. Policies see it
// through SchedulerState.
#pragma once

#include <memory>
#include <vector>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/serving/observer.hpp"
#include "serving/kv_cache/block_pool.hpp"
#include "serving/kv_cache/prefix_cache.hpp"
#include "serving/requests/hand_over.hpp"
#include "serving/requests/in_flight.hpp"
#include "serving/state/adapter_slots.hpp"
#include "serving/state/decode_group.hpp"
#include "serving/state/encoder_cache.hpp"
#include "serving/state/kv_rules.hpp"
#include "serving/state/rank_tiers.hpp"
#include "serving/state/running_list.hpp"
#include "serving/state/token_gaps.hpp"
#include "serving/state/waiting_room.hpp"

namespace foretoken {

// Where a preempted request waits.
enum class Requeue { first, last };
// What of it can be found again: all it has computed, or what its prefill had published.
enum class Keep { computed, published };

class RankState {
 public:
  // prompts: what the fields of its requests point into. `rank` is its number, for the observer.
  RankState(const EngineConfig& engine, const KvRules& kv, std::int64_t sliding_window, const PromptContents& prompts,
            int rank, Observer& observer);
  RankState(const RankState&) = delete;
  RankState& operator=(const RankState&) = delete;

  const EngineConfig config;
  const KvRules kv;
  const bool by_priority;  // scheduling_policy
  const bool first_come_first_served;
  const bool has_window;  // of the model's layers, some attend to a sliding window

  // ---- parts ----
  InFlightTable table;
  DecodeGroup decodes;
  BlockPool pool;
  PrefixCache prefix_cache;
  WaitingRoom waiting;
  RunningList running;
  TokenGaps gaps;
  std::unique_ptr<AdapterSlots> adapters;  // null: no LoRA
  std::unique_ptr<RankTiers> tiers;        // null: KV caches lie on the GPU only
  std::unique_ptr<EncoderCache> encoder;   // null: prompts are text alone

  struct Counts {
    std::int64_t preemptions = 0;
    std::int64_t evictions = 0;       // preemptions, and unseen finishes removed when they were to be preempted
    std::int64_t prefix_queries = 0;  // tokens looked up by first admissions
    std::int64_t prefix_hits = 0;     // of these, found
    // The sum over running requests of SchedulerState::committed_blocks(request).
    std::int64_t committed_blocks = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // Prompts are found whole, but for the last token, whenever they are admitted, preempted ones too: they were computed
  // elsewhere (vLLM's P2pNcclConnector, get_num_new_matched_tokens). Of the last admissions, those that found more so.
  bool finds_prompts = false;
  // Or of those admitted, or loaded, whose prompt was computed elsewhere and is not fetched from there.
  std::vector<RequestId> brought;

  // What a request holds after max_tokens tokens, and the last drafts beside them.
  [[nodiscard]] std::int64_t committed_blocks(const Request& request) const {
    const std::int64_t tokens = std::int64_t{request.prompt_tokens} + request.max_tokens;
    return blocks_for(config.speculation.on() ? with_drafts(tokens) : tokens, config.block_size);
  }
  // ---- speculation ----
  [[nodiscard]] std::int64_t with_lookahead(std::int64_t tokens) const {
    return std::min(tokens + config.speculation.lookahead, std::max(tokens, config.max_model_len));
  }
  [[nodiscard]] std::int64_t with_drafts(std::int64_t tokens) const {
    return with_lookahead(std::min(tokens + config.speculation.tokens, std::max(tokens, config.max_model_len)));
  }
  // Tokens that a decoding row would verify in the coming step, its own included.
  [[nodiscard]] std::int64_t row_tokens(const InFlight& r) const {
    const std::int64_t room = config.max_model_len - 1 - decodes.context_of(r);
    return std::max<std::int64_t>(1, std::min<std::int64_t>(1 + r.drafts, room));
  }
  // Tokens for which it must hold blocks then.
  [[nodiscard]] std::int64_t row_reach(const InFlight& r, std::int64_t tokens) const {
    return with_lookahead(decodes.context_of(r) + tokens);
  }
  // A row has put out so many tokens: what has left the window goes.
  void advance_row(RequestId id, std::int64_t tokens) {
    decodes.advance_row(id, tokens);
    if (config.kv_layout.windowed > 0) slide_window(id, decodes.context_of(table[id]));
  }
  // More blocks `r` needs to have `tokens` tokens cached.
  [[nodiscard]] std::int64_t blocks_needed(RequestId id, std::int64_t tokens) const;
  // That the prompts which have begun are still to take.
  [[nodiscard]] std::int64_t blocks_of_begun_prompts() const;

  // ---- a request's way through the rank ----
  // The head of the queue is passed over until bring_back().
  void set_aside();
  void bring_back();
  [[nodiscard]] PrefixMatch match_head();
  RequestId admit(TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match);
  void take_blocks(RequestId id, std::int64_t tokens);
  // Others find the full blocks of its first `tokens` tokens from now on, computed or not.
  void publish(RequestId id, std::int64_t tokens);
  // Its prompt is computed, and it decodes from now on.
  void start_decoding(RequestId id);
  void preempt(RequestId id, TimePoint now, const DecodeTotals& totals, Requeue where, Keep keep);
  // A decoding request took so many for the coming step and is about to be preempted.
  void blocks_go_round(RequestId id, std::int64_t blocks);
  // It goes before its last token.
  void leave_unfinished(RequestId id, const DecodeTotals& totals);
  // It has finished, and left the decode group.
  void finish(RequestId id);

  // ---- hand-over ----
  // It comes from another rank, and what it brings along with take_over(). It has no blocks, and is in no queue.
  [[nodiscard]] RequestId expect(const Request& request);
  void take_over(RequestId id, const HandOver& what);
  // Blocks to be taken, and filled, for one that comes with `tokens` tokens of which so many were found. Windowed
  // layers have blocks from the window of its next row on.
  [[nodiscard]] std::int64_t blocks_to_load(const PrefixMatch& found, std::int64_t tokens) const;
  // Of what was found, free blocks that have left that window.
  [[nodiscard]] std::int64_t free_out_of_window(const PrefixMatch& found, std::int64_t tokens) const;
  // It gets them.
  void begin_load(RequestId id, const PrefixMatch& found, std::int64_t tokens, TimePoint now);
  // They are filled, and it takes a seat; start_decoding() follows.
  void seat(RequestId id, TimePoint now);
  // They will not be: it goes back to be computed here.
  void lose_cache(RequestId id, TimePoint now);
  // It is gone, with the blocks that it has.
  void drop(RequestId id);
  // HandOverRules::keeps_retracted: who was preempted stands here, the youngest first, and not in the queue.
  bool keeps_retracted = false;
  std::vector<RequestId> retracted;
  // Its prompt is computed, and it goes on elsewhere: it gives up its seat, and holds its blocks until
  // release_pinned().
  [[nodiscard]] HandOver hand_over(RequestId id, TimePoint now);
  void release_pinned(RequestId id, TimePoint now);
  // Requests that hold blocks without a seat.
  [[nodiscard]] std::int64_t pinned() const { return pinned_; }

  // ---- KV tiers (rank_state_tiers.cpp) ----
  // The head of the queue leaves it with blocks for what was found of it on the GPU and elsewhere, to be loaded from
  // `begin` on. It comes back with loaded().
  void load_head(TimePoint begin, TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match);
  void loaded(const RankTiers::Load& load, TimePoint known, TimePoint now, const KvWaitClock& kv_wait);
  [[nodiscard]] TierMatch look_up_received(RequestId id, TimePoint at);
  // A decoding request's KV cache goes to host memory, and comes back: the request then decodes on. Preconditions:
  // there is room for it.
  [[nodiscard]] std::int64_t swap_blocks(RequestId id) const;
  void swap_out(RequestId id, TimePoint now, const DecodeTotals& totals);
  void swap_in(TimePoint now, const DecodeTotals& totals);
  // It is gone from host memory.
  void drop_swapped(RequestId id);

  // ---- async_scheduling ----
  // An unseen finish: the last token is out, but the call for the next step shall not know. The request keeps its
  // seat and blocks, and with `row` it decodes once more.
  void finish_unseen(RequestId id, bool row);
  [[nodiscard]] bool has_unseen_finishes() const { return !unseen_finishes_.empty(); }
  // They go, each after `about_to_go(id)`.
  template <class Function>
  void remove_unseen_finishes(Function about_to_go) {
    for (const RequestId id : unseen_finishes_) {
      about_to_go(id);
      remove_unseen_finish(id, false);
    }
    unseen_finishes_.clear();
  }
  // An end by a stop string, which is found behind the engine: the same, but for one call more. Who is told before the
  // second call (synchronous engines) goes then, without having been in it.
  void finish_by_stop_string(RequestId id, TimePoint now);
  [[nodiscard]] bool has_stopped() const { return !stopped_.empty() || !told_.empty(); }
  // Before a call: those that were in one, and since when they are in the coming one.
  void tell_stopped();
  [[nodiscard]] const std::vector<RequestId>& stopped_in_step() const { return told_; }
  // publish() of all it has computed, but after the next call.
  void publish_after_call(RequestId id) { unpublished_.push_back(id); }
  [[nodiscard]] bool has_unpublished() const { return !unpublished_.empty(); }
  void publish_all();

  // ---- lifecycle events ----
  [[nodiscard]] bool tells() const { return lifecycle_ != nullptr; }
  void tell(LifecycleEdge edge, RequestId id, TimePoint now) const;
  void tell_queued(const Request& request, TimePoint now) const;

 private:
  // It was to decode in the coming step, and others find that token already: with blocks of one token it is in a block
  // of its own, which the group has not counted yet.
  [[nodiscard]] bool published_a_block_to_come(RequestId id) const {
    const InFlight& r = table[id];
    return config.block_size == 1 && r.published > decodes.context_of(r);
  }
  [[nodiscard]] std::int64_t computed(const InFlight& r) const {
    return r.phase == Phase::decoding && decodes.by_row() ? decodes.context_of(r) : r.cached;
  }
  void slide_window(RequestId id, std::int64_t computed);
  [[nodiscard]] PrefixMatch match(const Request& request, std::int64_t known_tokens, bool was_preempted);
  void first_admission(InFlight& r, std::int64_t found, TimePoint now);
  void look_into_tiers(const Request& request, std::int64_t known_tokens, bool was_preempted, PrefixMatch& found);
  void passed_by_for(const Request& request, const TierMatch& match, TimePoint at);
  void admitted_with_tiers(RequestId id, const PrefixMatch& match, bool first);
  void release_with_tiers(RequestId id, bool preempted, std::int64_t full);
  void release_blocks(RequestId id, bool preempted, std::int64_t full);
  [[nodiscard]] std::int64_t blocks_to_come(const InFlight& r) const {
    return blocks_for(r.known_tokens(), config.block_size) - r.blocks;
  }
  void found_prompt(RequestId id, TimePoint now, Duration kv_wait);
  void pin(RequestId id);
  void remove_unseen_finish(RequestId id, bool evicted);
  // From the running list.
  void unseat(RequestId id) {
    if (adapters && table[id].phase != Phase::leaving) [[unlikely]]
      adapters->leave(table[id].request.adapter);
    running.remove(id);
  }
  // Its blocks; a decoding request must have left the group. Preempted: it will ask for the content
  // of its first `full` tokens.
  void release(RequestId id, bool preempted, std::int64_t full);

  std::vector<RequestId> unseen_finishes_;
  std::vector<RequestId> stopped_;  // by a stop string, in the steps that have just ended
  std::vector<RequestId> told_;     // the same a call ago: they have a row in the step of that call
  std::vector<RequestId> unpublished_;
  std::vector<Waiting> aside_;
  std::int64_t pinned_ = 0;
  bool head_is_brought_ = false;
  bool takes_more_on_admission_ = false;  // a place for its adapter, or all of its blocks
  Counts counts_;
  Observer* lifecycle_ = nullptr;  // null: nobody wants to know
  int rank_;
};

}  // namespace foretoken
