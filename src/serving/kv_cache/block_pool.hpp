// The KV blocks of a rank: how many are free, and which of the free ones hold content that
// may be asked for again (src/serving/README.md, "Prefix caching"; vLLM's block_pool.py).
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace foretoken {

// The free queue is in LRU order: blocks are taken from its head and come back at its tail, or (vLLM from 0.24) at its
// head when they hold no full block's content. Most blocks never see their content asked for again; they are only
// counted, and a taken block costs nothing while no identified block is in the queue. An identified block knows how
// many counted ones stand between it and the identified block before it, so that it is evicted exactly when the head
// reaches it.
class BlockPool {
 public:
  using Key = std::uint64_t;  // hash of a block's content and of everything before it
  using Block = std::int32_t;
  static constexpr Block kNone = -1;

  explicit BlockPool(std::int64_t blocks, bool partial_first = false)
      : total_(blocks), free_(blocks), partial_first_(partial_first) {}

  [[nodiscard]] std::int64_t total() const { return total_; }
  [[nodiscard]] bool partial_first() const { return partial_first_; }
  [[nodiscard]] std::int64_t free() const { return free_; }
  [[nodiscard]] std::int64_t used() const { return total_ - free_; }

  // Precondition of both: they are free.
  void take(std::int64_t count) {
    free_ -= count;
    if (first_ != kNone) pop(count);
  }
  // So many leave the head of the queue now and are counted by take_reserved(). Called again
  // before that, it goes on to the larger number.
  void reserve(std::int64_t count) {
    if (first_ == kNone || count <= reserved_) return;
    count = std::min(count, free_);
    pop(count - reserved_);
    reserved_ = count;
  }
  // Those that were reserved, and the rest from the head.
  void take_reserved(std::int64_t count) {
    free_ -= count;
    if (first_ != kNone) pop(count - reserved_);
    reserved_ = 0;
  }
  // So many were taken from the head for the coming step and come back at once: their taker left.
  void rotate(std::int64_t count) {
    if (reserved_ >= count)
      reserved_ -= count;
    else if (first_ != kNone)
      pop(count);
    if (partial_first_) stand_first(count);
  }
  // To the tail of the queue, without an identity.
  void give_back(std::int64_t count) { free_ += count; }
  // The same for blocks that are not full.
  void give_back_partial(std::int64_t count) {
    free_ += count;
    if (partial_first_) stand_first(count);
  }

  // ---- identified blocks ----

  // The one that has held this content the longest; kNone: nobody does.
  [[nodiscard]] Block find(Key key) const {
    const auto place = contents_.find(key);
    return place == contents_.end() ? kNone : place->second.first;
  }
  // The identified blocks that would be evicted if so many were taken now.
  [[nodiscard]] std::vector<Block> evicted_by(std::int64_t count) const;
  // Whether anybody holds this content once those are gone.
  [[nodiscard]] bool holds(Key key, const std::vector<Block>& gone) const;
  // Of the free blocks, those that have left the queue.
  [[nodiscard]] std::int64_t reserved() const { return reserved_; }
  [[nodiscard]] bool is_free(Block block) const { return node(block).holders == 0; }
  // One more request holds it; a free one leaves the queue.
  void hold(Block block);
  // A block that was taken gets its content; its taker holds it. `weight`: so many blocks that come and go together,
  // those of several groups of layers.
  [[nodiscard]] Block identify(Key key, std::int32_t weight = 1);
  [[nodiscard]] bool is_shared(Block block) const { return node(block).holders > 1; }
  // Its only holder keeps it, but its content is lost. The number is free again.
  void drop_content(Block block) { forget(block); }
  // A holder lets go; the last one puts it at the tail of the queue.
  void release(Block block);
  // From now on the keys of contents that lose their place in the queue are added to `keys`.
  void tell_evictions(std::vector<Key>* keys) { evicted_ = keys; }
  // Blocks that can be taken before one with content goes.
  [[nodiscard]] std::int64_t free_before_content() const {
    return first_ == kNone ? free_ : reserved_ + node(first_).counted_before;
  }
  // Sum over identified blocks of their holders beyond the first.
  [[nodiscard]] std::int64_t shared() const { return shared_; }

 private:
  struct Node {
    Key key = 0;
    std::int64_t counted_before = 0;  // blocks between this one and the one before in the queue
    std::int32_t holders = 0;         // 0: in the queue
    std::int32_t weight = 1;
    Block previous = kNone, next = kNone;            // in the queue
    Block previous_same = kNone, next_same = kNone;  // of equal content, the oldest first
  };
  struct Same {
    Block first, last;
  };
  [[nodiscard]] const Node& node(Block block) const { return nodes_[static_cast<std::size_t>(block)]; }
  [[nodiscard]] Node& node(Block block) { return nodes_[static_cast<std::size_t>(block)]; }

  // So many of the counted blocks at the tail stand at the head instead.
  void stand_first(std::int64_t count) {
    if (first_ == kNone) return;
    node(first_).counted_before += count;
    listed_ += count;
  }
  void pop(std::int64_t count);
  void unlink(Block block);
  void forget(Block block);

  std::int64_t total_;
  std::int64_t free_;
  bool partial_first_;
  std::int64_t reserved_ = 0;  // free, but no longer in the queue
  std::int64_t listed_ = 0;    // identified blocks in the queue and the counted ones before them
  std::int64_t shared_ = 0;
  Block first_ = kNone, last_ = kNone;  // of the queue's identified blocks
  std::vector<Node> nodes_;
  std::vector<Block> spare_nodes_;
  std::unordered_map<Key, Same> contents_;  // never iterated
  std::vector<Key>* evicted_ = nullptr;     // null: nobody wants to know
};

}  // namespace foretoken
