// Which blocks of a request hold content that others ask for, or itself after a preemption:
// prefix caching by a hash chain over full blocks (src/serving/README.md, "Prefix caching").
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "foretoken/workload/request_source.hpp"
#include "serving/kv_cache/block_pool.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// What the cache holds of a request's known tokens, from their start. Decoding may evict free blocks
// of it. A prompt that is taken in whole needs as many new ones instead and stays out, but its reason may
// become the token budget; one that is taken in chunks may then start with a smaller chunk and get in.
struct PrefixMatch {
  std::int64_t tokens = 0;
  std::int64_t blocks = 0;
  std::int64_t free_blocks = 0;  // of these blocks: nobody holds them now
};

// Contents: what the workload describes (a trace's hash ids, a shared system prompt), a
// conversation so far, and the tokens of a preempted request. Everything else is never asked for
// again, and its blocks stay without identity. A request's identified blocks are the first ones
// of its block table. Described blocks enter the pool's table when they are published; those of
// a conversation or of a preempted request when they are let go, because nobody can ask for them before.
class PrefixCache {
 public:
  // `described` may be null.
  PrefixCache(bool enabled, std::int64_t block_size, BlockPool& pool, const PrefixTable* described)
      : enabled_(enabled), block_size_(block_size), pool_(pool), described_(described) {}

  // For the next known_tokens to be computed; at least one token is never matched.
  [[nodiscard]] PrefixMatch match(const Request& request, std::int64_t known_tokens, bool was_preempted);
  // The tokens that match() would find of a new request's prompt once `taken` more blocks are taken. Leaves no trace.
  [[nodiscard]] std::int64_t cached_tokens(const Request& request, std::int64_t taken) const;
  // The first full block of its prompt that the cache does not hold, where another prompt may have the same one.
  [[nodiscard]] std::optional<BlockPool::Key> first_new(const Request& request) const;
  // The blocks of the last match become the first ones of `id`.
  void hold_match(RequestId id);
  // The described full blocks of its first `tokens` tokens, for which it has blocks, can be found.
  void publish(RequestId id, const Request& request, std::int64_t tokens) {
    if (enabled_ && request.prefix_row >= 0) identify_described(id, request, tokens);
  }
  // All `blocks` of `id` go back, the last one first; `full` tokens of it may be found.
  void release(RequestId id, const Request& request, std::int64_t blocks, std::int64_t full, bool preempted);

 private:
  void identify_described(RequestId id, const Request& request, std::int64_t tokens);
  [[nodiscard]] std::vector<BlockPool::Block>& table(RequestId id);

  bool enabled_;
  std::int64_t block_size_;
  BlockPool& pool_;
  const PrefixTable* described_;
  std::vector<std::vector<BlockPool::Block>> tables_;  // by RequestId
  std::vector<BlockPool::Block> matched_;
};

}  // namespace foretoken
