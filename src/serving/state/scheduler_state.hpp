// What a batching policy sees of its rank, and the moves it can make.
#pragma once

#include <optional>
#include <utility>

#include "serving/state/rank_state.hpp"

namespace foretoken {

// A window on the rank's state: it adds nothing to it.
class SchedulerState {
 public:
  explicit SchedulerState(RankState& rank)
      : config(rank.config),
        by_priority(rank.by_priority),
        has_window(rank.has_window),
        limits_adapters(rank.adapters != nullptr),
        step_tokens(rank.config.step_tokens()),
        rank_(rank) {}
  SchedulerState(const SchedulerState&) = delete;
  SchedulerState& operator=(const SchedulerState&) = delete;

  const EngineConfig& config;
  const bool by_priority;          // scheduling_policy
  const bool has_window;           // of the model's layers, some attend to a sliding window
  const bool limits_adapters;      // LoRA: the requests of a step use so many at most
  const std::int64_t step_tokens;  // the budget of a step

  // Free blocks may hold content that a later request asks for; blocks shared by several requests count once.
  [[nodiscard]] std::int64_t free_blocks() const { return rank_.pool.free(); }
  [[nodiscard]] std::int64_t used_blocks() const { return rank_.pool.used(); }
  // What a request, or all running ones together, would hold after max_tokens tokens.
  [[nodiscard]] std::int64_t committed_blocks(const Request& request) const { return rank_.committed_blocks(request); }
  [[nodiscard]] std::int64_t committed_blocks() const { return rank_.counts().committed_blocks - rank_.pool.shared(); }
  // Blocks the decoding requests take in the coming step, not yet counted as used.
  [[nodiscard]] std::int64_t decode_blocks_needed() const {
    return speculates() ? blocks_of_rows() : decodes().blocks_of_step();
  }
  // More free blocks `id` needs to have `tokens` tokens cached.
  [[nodiscard]] std::int64_t blocks_needed(RequestId id, std::int64_t tokens) const {
    return rank_.blocks_needed(id, tokens);
  }

  // ---- speculation: rows of several tokens ----
  [[nodiscard]] bool speculates() const { return config.speculation.on(); }
  // That all decoding requests take of a step's budget, or one of them with all its drafts.
  [[nodiscard]] std::int64_t decode_tokens() const { return speculates() ? tokens_of_rows() : decodes().size(); }
  [[nodiscard]] std::int64_t row_tokens(RequestId id) const { return rank_.row_tokens(rank_.table[id]); }
  // More blocks a decoding request needs to verify so many.
  [[nodiscard]] std::int64_t blocks_of_row(RequestId id, std::int64_t tokens) const {
    return rank_.blocks_needed(id, rank_.row_reach(rank_.table[id], tokens));
  }
  void take_blocks_of_row(RequestId id, std::int64_t tokens) {
    rank_.take_blocks(id, rank_.row_reach(rank_.table[id], tokens));
  }
  // Tokens for which blocks are taken when so many are to be cached.
  [[nodiscard]] std::int64_t with_lookahead(std::int64_t tokens) const { return rank_.with_lookahead(tokens); }

  // Null: prompts are text alone.
  [[nodiscard]] EncoderCache* encoder() const { return rank_.encoder.get(); }

  [[nodiscard]] const QueueingPolicy& waiting() const { return std::as_const(rank_.waiting).queue(); }
  [[nodiscard]] const InFlight& operator[](RequestId id) const { return rank_.table[id]; }
  [[nodiscard]] const DecodeGroup& decodes() const { return rank_.decodes; }
  // In the running list's order, which is the order of admission.
  [[nodiscard]] const std::vector<RequestId>& prefilling() const { return rank_.running.prefilling(); }
  [[nodiscard]] RequestId first_running() const { return rank_.running.first(); }
  [[nodiscard]] RequestId last_running() const { return rank_.running.last(); }
  [[nodiscard]] std::int64_t running() const { return rank_.running.size(); }
  // True when some decoding request may stand behind a prefilling one in the running list.
  [[nodiscard]] bool prefill_before_decode() const { return rank_.running.prefill_before_decode(); }

  // ---- admission ----
  // Decoding requests of this step take their blocks before anybody new is looked at, which
  // may evict what the new would have found. Of no effect on free_blocks().
  // Rows of several tokens take theirs with the plan.
  void decodes_take_first(std::int64_t blocks) {
    if (!speculates()) rank_.pool.reserve(blocks);
  }
  // What somebody gives back of a block that is not full is taken next.
  [[nodiscard]] bool partial_blocks_stand_first() const { return rank_.pool.partial_first(); }
  // The head of the queue is passed over until bring_back(), which follows in the same call.
  void set_aside() { rank_.set_aside(); }
  void bring_back() { rank_.bring_back(); }
  // ---- LoRA ----
  // Whether the head of the queue may take a seat as far as its adapter goes. Else it is passed over until
  // bring_back().
  [[nodiscard]] bool head_has_slot() const { return rank_.adapters->admits(rank_.waiting.head()->request.adapter); }
  [[nodiscard]] bool pass_over_head_without_slot() {
    if (head_has_slot()) return false;
    rank_.set_aside();
    return true;
  }
  // See PrefixCache::first_new.
  [[nodiscard]] std::optional<BlockPool::Key> first_new_block(const Request& request) const {
    return rank_.prefix_cache.first_new(request);
  }
  // What the cache holds of the head of the queue.
  [[nodiscard]] PrefixMatch match_head() { return rank_.match_head(); }
  // ---- KV tiers: of the head, as match_head() has found it ----
  [[nodiscard]] bool has_tiers() const { return rank_.tiers != nullptr; }
  // What may be found of it is still on its way: it is passed over.
  [[nodiscard]] bool head_waits_for_tiers() const { return rank_.tiers->match.pending; }
  // It has to be loaded before it can be admitted: load_head() takes it out of the queue, with blocks for what was
  // found of it. From `begin` on, which the call knows.
  [[nodiscard]] bool head_is_to_be_loaded() const {
    return rank_.tiers->store.loads_aside() && rank_.tiers->match.any();
  }
  // Blocks that others need who are loaded or were, and are in no step yet: nobody runs whose end would free some.
  [[nodiscard]] std::int64_t blocks_owed_to_loads() const { return rank_.tiers->owed_blocks; }
  void load_head(TimePoint begin, TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match) {
    rank_.load_head(begin, now, kv_wait, match);
  }
  // Of what match_head() has found, the tokens that will be loaded within the step.
  [[nodiscard]] std::int64_t tokens_from_tiers() const {
    if (!has_tiers() || !rank_.tiers->match.any()) return 0;
    return std::max<std::int64_t>(
        0, rank_.tiers->match.tokens - rank_.tiers->match.first * rank_.tiers->store.config.unit_tokens);
  }

  // ---- swapping ----
  // Whether its KV cache can go to host memory when it is preempted.
  [[nodiscard]] bool can_swap_out(RequestId id) const {
    return has_tiers() && rank_.table[id].phase == Phase::decoding && rank_.swap_blocks(id) <= rank_.tiers->swap_free;
  }
  void swap_out(RequestId id, TimePoint now, const DecodeTotals& totals) { rank_.swap_out(id, now, totals); }
  // The first that is there, and what it needs on the GPU.
  [[nodiscard]] bool any_swapped() const { return has_tiers() && !rank_.tiers->swapped.empty(); }
  [[nodiscard]] std::int64_t blocks_of_swapped() const { return rank_.swap_blocks(rank_.tiers->swapped.front()); }
  void swap_in(TimePoint now, const DecodeTotals& totals) { rank_.swap_in(now, totals); }

  // Blocks that leave the free queue when the head, matched so, has `tokens` tokens cached.
  [[nodiscard]] std::int64_t blocks_to_take(const PrefixMatch& match, std::int64_t tokens) const {
    return config.kv_layout.blocks(tokens, match.tokens, config.block_size) - match.blocks + match.free_blocks;
  }
  // The same for all of its `known` tokens, of which a step computes what its budget allows.
  [[nodiscard]] std::int64_t blocks_to_take_in_all(const PrefixMatch& match, std::int64_t known) const {
    if (config.kv_layout.windowed > 0) {
      // Who has loaded all but the last token comes with the blocks of its window, and will not need more.
      const RequestId id = waiting().head()->resumed;
      if (id != kNoRequest && rank_.table[id].phase == Phase::reached) return blocks_to_take(match, known);
    }
    return config.most_blocks_of(known) - match.blocks + match.free_blocks;
  }
  // The head of the queue goes to the tail of the running list. It holds the blocks that
  // match_head() has just found (all of max_model_len under BlockPolicy::reserve).
  RequestId admit(TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match) {
    return rank_.admit(now, kv_wait, match);
  }
  // A running request becomes the last of the running list.
  void to_tail(RequestId id) { rank_.running.move_to_tail(id); }
  // Blocks until `tokens` tokens of `id` are cached. Precondition: they are free.
  void take_blocks(RequestId id, std::int64_t tokens) { rank_.take_blocks(id, tokens); }
  // Others find the full blocks of its first `tokens` tokens from now on, computed or not
  // (vLLM V1). Without this call they find what a step has computed at its end.
  void publish(RequestId id, std::int64_t tokens) { rank_.publish(id, tokens); }
  // A decoding request that was to take so many blocks in the coming step, as others of this step
  // have done, is about to leave.
  void blocks_go_round(RequestId id, std::int64_t blocks) { rank_.blocks_go_round(id, blocks); }
  // Frees its blocks and puts it back into the queue; its output so far stays known. A request that
  // has finished is removed.
  void preempt(RequestId id, TimePoint now, const DecodeTotals& totals, Requeue where, Keep keep) {
    rank_.preempt(id, now, totals, where, keep);
  }

 private:
  template <class Function>
  [[nodiscard]] std::int64_t sum_of_rows(Function of_row) const {
    std::int64_t sum = 0;
    for (RequestId id = first_running(); id != kNoRequest; id = rank_.table[id].next) {
      if (rank_.table[id].phase == Phase::decoding) sum += of_row(id);
    }
    return sum;
  }
  [[nodiscard]] std::int64_t blocks_of_rows() const {
    return sum_of_rows([&](RequestId id) { return blocks_of_row(id, row_tokens(id)); });
  }
  [[nodiscard]] std::int64_t tokens_of_rows() const {
    return sum_of_rows([&](RequestId id) { return row_tokens(id); });
  }

  RankState& rank_;
};

}  // namespace foretoken
