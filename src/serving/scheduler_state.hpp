// What a batching policy sees of its rank, and the moves it can make.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "foretoken/serving/engine_config.hpp"
#include "serving/decode_group.hpp"
#include "serving/in_flight.hpp"
#include "serving/kv_cache/block_pool.hpp"
#include "serving/kv_cache/prefix_cache.hpp"
#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {

// How a policy takes KV blocks for a decoding request.
enum class BlockPolicy {
  grow,     // one more whenever a block is full
  reserve,  // all of max_model_len on admission
};

// What a step planned before a request's last token was out still holds of that request (async_scheduling).
enum class LastRow {
  wasted,    // one more row, whose token is dropped
  foreseen,  // the same, unless the request ended by its max_tokens
};

// Where a preempted request waits.
enum class Requeue { first, last };
// What of it can be found again: all it has computed, or what its prefill had published.
enum class Keep { computed, published };

class SchedulerState {
 public:
  // prefixes: what Request::prefix_row points into; may be null.
  SchedulerState(const EngineConfig& config, BlockPolicy blocks, std::int64_t sliding_window,
                 const PrefixTable* prefixes = nullptr);
  SchedulerState(const SchedulerState&) = delete;
  SchedulerState& operator=(const SchedulerState&) = delete;

  const EngineConfig config;
  const bool by_priority;            // scheduling_policy
  const bool stores_whole_contexts;  // TensorRT-LLM: nothing of a prompt is found before all of it is computed
  const bool has_window;             // of the model's layers, some attend to a sliding window

  // Free blocks may hold content that a later request asks for; blocks shared by several requests count once.
  [[nodiscard]] std::int64_t free_blocks() const { return pool_.free(); }
  [[nodiscard]] std::int64_t used_blocks() const { return pool_.used(); }
  // What a request, or all running ones together, would hold after max_tokens tokens.
  [[nodiscard]] std::int64_t committed_blocks(const Request& request) const {
    return blocks_for(std::int64_t{request.prompt_tokens} + request.max_tokens, config.block_size);
  }
  [[nodiscard]] std::int64_t committed_blocks() const { return committed_blocks_ - pool_.shared(); }
  // Blocks the decoding requests take in the coming step, not yet counted as used.
  [[nodiscard]] std::int64_t decode_blocks_needed() const { return decodes_.growth().at(decodes_.clock()); }
  // More blocks `r` needs to have `tokens` tokens cached.
  [[nodiscard]] std::int64_t blocks_needed(const InFlight& r, std::int64_t tokens) const;

  [[nodiscard]] const QueueingPolicy& waiting() const { return *waiting_; }
  [[nodiscard]] const InFlight& operator[](RequestId id) const { return table_[id]; }
  [[nodiscard]] const DecodeGroup& decodes() const { return decodes_; }
  // In the running list's order, which is the order of admission.
  [[nodiscard]] const std::vector<RequestId>& prefilling() const { return prefilling_; }
  [[nodiscard]] RequestId first_running() const { return first_; }
  [[nodiscard]] RequestId last_running() const { return last_; }
  [[nodiscard]] std::int64_t running() const { return running_; }
  // True when some decoding request may stand behind a prefilling one in the running list.
  [[nodiscard]] bool prefill_before_decode() const {
    return !prefilling_.empty() && table_[prefilling_.front()].admission < youngest_decode_;
  }

  // ---- admission ----
  // Decoding requests of this step take their blocks before anybody new is looked at, which
  // may evict what the new would have found. Of no effect on free_blocks().
  void decodes_take_first(std::int64_t blocks) { pool_.reserve(blocks); }
  // The head of the queue is passed over until bring_back(), which follows in the same call.
  void set_aside();
  void bring_back();
  // See PrefixCache::first_new.
  [[nodiscard]] std::optional<BlockPool::Key> first_new_block(const Request& request) const {
    return prefix_cache_.first_new(request);
  }
  // What the cache holds of the head of the queue.
  [[nodiscard]] PrefixMatch match_head();
  // Blocks that leave the free queue when the head, matched so, has `tokens` tokens cached.
  [[nodiscard]] std::int64_t blocks_to_take(const PrefixMatch& match, std::int64_t tokens) const {
    return blocks_for(tokens, config.block_size) - match.blocks + match.free_blocks;
  }
  // The head of the queue goes to the tail of the running list. It holds the blocks that
  // match_head() has just found (all of max_model_len under BlockPolicy::reserve).
  RequestId admit(TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match);
  // A running request becomes the last of the running list.
  void to_tail(RequestId id);
  // Blocks until `tokens` tokens of `id` are cached. Precondition: they are free.
  void take_blocks(RequestId id, std::int64_t tokens);
  // Others find the full blocks of its first `tokens` tokens from now on, computed or not
  // (vLLM V1). Without this call they find what a step has computed at its end.
  void publish(RequestId id, std::int64_t tokens);
  // The same for all it has computed, but after the next call (async_scheduling).
  void publish_after_call(RequestId id) { unpublished_.push_back(id); }
  // A decoding request that was to take a block in the coming step, as others of this step
  // have done, is about to leave.
  void block_goes_round() { pool_.rotate(1); }
  // Frees its blocks and puts it back into the queue; its output so far stays known. A request that
  // has finished is let go.
  void preempt(RequestId id, TimePoint now, const DecodeTotals& totals, Requeue where, Keep keep);

 private:
  friend class EngineRank;

  // Decoding requests that a step of prefill only left out, by the time of their last token.
  struct Held {
    TimePoint last_token;
    std::int64_t rows;
  };

  // Its last token is out, but the call for the next step shall not know: it keeps its seat and blocks,
  // and with `row` it decodes.
  void finish_unseen(RequestId id, bool row);
  void remove(RequestId id, bool evicted = false);
  void remove_unseen_finishes();
  void publish_all();
  void hold_decodes(TimePoint since);
  [[nodiscard]] std::int64_t held_rows() const;
  void link(RequestId id);  // at the running list's tail
  void unlink(RequestId id);
  void tell(LifecycleEdge edge, RequestId id, TimePoint now) const;
  void settle_blocks(InFlight& r) const;
  // Its blocks; a decoding request must have left the group. Preempted: it will ask for the content
  // of its first `full` tokens.
  void release(RequestId id, bool preempted, std::int64_t full);

  BlockPolicy block_policy_;
  InFlightTable table_;
  DecodeGroup decodes_;
  BlockPool pool_;
  PrefixCache prefix_cache_;
  std::unique_ptr<QueueingPolicy> waiting_;
  std::vector<RequestId> prefilling_;
  std::vector<RequestId> sat_out_;  // decoding, but sat out the last step
  std::vector<Held> held_;          // all of them left out of the last step; else empty
  std::vector<RequestId> unseen_finishes_;
  std::vector<RequestId> unpublished_;
  std::vector<Waiting> aside_;
  TimePoint last_decode_end_{};  // end of the last step the decoding requests took part in
  RequestId first_ = kNoRequest;
  RequestId last_ = kNoRequest;
  std::int64_t running_ = 0;
  std::int64_t committed_blocks_ = 0;
  std::int64_t admissions_ = 0;
  std::int64_t youngest_decode_ = -1;  // highest admission number that ever decoded
  std::int64_t preemptions_ = 0;
  std::int64_t evictions_ = 0;       // preemptions, and those let go when they were to be preempted
  std::int64_t prefix_queries_ = 0;  // tokens looked up by first admissions
  std::int64_t prefix_hits_ = 0;     // of these, found
  Observer* lifecycle_ = nullptr;    // null: nobody wants to know
  int rank_ = 0;                     // for its events
};

}  // namespace foretoken
