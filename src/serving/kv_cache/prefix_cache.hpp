// Which blocks of a request hold content that others ask for, or itself after a preemption:
// prefix caching by a hash chain over full blocks (src/serving/README.md, "Prefix caching").
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "foretoken/cost/kv_layout.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/kv_cache/block_pool.hpp"
#include "serving/kv_cache/key_chain.hpp"
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
// of its block table, and where layers have a window, the blocks in it. Described blocks enter the pool's table when
// they are published; those of a conversation or of a preempted request when they are let go, because nobody can ask
// for them before.
class PrefixCache {
 public:
  // `described` may be null.
  PrefixCache(bool enabled, std::int64_t block_size, BlockPool& pool, const PrefixTable* described,
              const KvLayout& layout = {})
      : enabled_(enabled), block_size_(block_size), layout_(layout), pool_(pool), described_(described) {}

  // For the next known_tokens to be computed; at least one token is never matched.
  [[nodiscard]] PrefixMatch match(const Request& request, std::int64_t known_tokens, bool was_preempted);
  // The tokens that match() would find of a new request's prompt once `taken` more blocks are taken. Leaves no trace.
  [[nodiscard]] std::int64_t cached_tokens(const Request& request, std::int64_t taken) const;
  // The first full block of its prompt that the cache does not hold, where another prompt may have the same one.
  [[nodiscard]] std::optional<BlockPool::Key> first_new(const Request& request) const;
  // Blocks that windowed layers hold of the last match before block `first`, of those that are free.
  [[nodiscard]] std::int64_t free_before(std::int64_t first) const;
  // The blocks of the last match become the first ones of `id`.
  void hold_match(RequestId id);
  // The described full blocks of its first `tokens` tokens, for which it has blocks, can be found.
  void publish(RequestId id, const Request& request, std::int64_t tokens) {
    if (enabled_ && request.prefix_row >= 0) identify_described(id, request, tokens);
  }
  // The described full blocks of the prompt's first `tokens` tokens come from elsewhere into free blocks, as far as
  // there are any: nobody holds them. Nothing where layers have a window. Precondition: no block is reserved.
  void bring(const Request& request, std::int64_t tokens);
  // Of windowed layers' blocks of `id` before `first`, those that others hold too.
  [[nodiscard]] std::int64_t shared_before(RequestId id, std::int64_t first) const;
  // Windowed layers let go of its blocks before `first`. How many of them had an identity.
  std::int64_t slide(RequestId id, std::int64_t first);
  // All `blocks` of `id` go back, the last one first; `full` tokens of it may be found, and of windowed layers those
  // from block `first` on.
  void release(RequestId id, const Request& request, std::int64_t blocks, std::int64_t full, bool preempted,
               std::int64_t first = 0);

 private:
  // Of windowed layers, consecutive.
  struct Window {
    std::int64_t first = 0;
    std::vector<BlockPool::Block> blocks;
    [[nodiscard]] std::int64_t end() const { return first + static_cast<std::int64_t>(blocks.size()); }
  };
  void identify(RequestId id, KeyChain& chain, std::int64_t blocks, bool with_window);
  std::int64_t leave_behind(Window& in, std::int64_t first);
  void identify_described(RequestId id, const Request& request, std::int64_t tokens);
  void match_in_window(const std::vector<BlockPool::Key>& keys, PrefixMatch& match);
  // The most of the first `blocks` blocks that end with enough for the window. found(block): it is there.
  template <class Found>
  [[nodiscard]] std::int64_t end_in_window(std::int64_t blocks, Found found) const;
  [[nodiscard]] std::vector<BlockPool::Block>& table(RequestId id);
  [[nodiscard]] Window& window(RequestId id);

  bool enabled_;
  std::int64_t block_size_;
  KvLayout layout_;
  BlockPool& pool_;
  const PrefixTable* described_;
  std::vector<std::vector<BlockPool::Block>> tables_;  // by RequestId
  std::vector<Window> windows_;                        // the same
  std::vector<BlockPool::Block> matched_;
  Window matched_window_;
};

}  // namespace foretoken
