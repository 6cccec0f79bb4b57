// The free queue's identified blocks, and the table of contents.
#include "serving/kv_cache/block_pool.hpp"

namespace foretoken {

void BlockPool::pop(std::int64_t count) {
  while (count > 0 && first_ != kNone) {
    Node& head = node(first_);
    if (head.counted_before >= count) {
      head.counted_before -= count;
      listed_ -= count;
      return;
    }
    const std::int32_t weight = head.weight;
    count -= head.counted_before + weight;
    listed_ -= head.counted_before;
    head.counted_before = 0;
    const Block evicted = first_;
    if (evicted_ != nullptr) evicted_->push_back(node(evicted).key);
    unlink(evicted);
    forget(evicted);
    if (count < 0) stand_first(-count);  // the rest of its blocks, without their content
  }
}

std::vector<BlockPool::Block> BlockPool::evicted_by(std::int64_t count) const {
  std::vector<Block> gone;
  for (Block block = first_; count > 0 && block != kNone; block = node(block).next) {
    if (node(block).counted_before >= count) break;
    count -= node(block).counted_before + node(block).weight;
    gone.push_back(block);
  }
  return gone;
}

bool BlockPool::holds(Key key, const std::vector<Block>& gone) const {
  for (Block block = find(key); block != kNone; block = node(block).next_same) {
    if (std::find(gone.begin(), gone.end(), block) == gone.end()) return true;
  }
  return false;
}

// The counted blocks before it now stand before the next one.
void BlockPool::unlink(Block block) {
  const Node& n = node(block);
  listed_ -= n.weight;
  if (n.next == kNone) {
    last_ = n.previous;
    listed_ -= n.counted_before;
  } else {
    node(n.next).previous = n.previous;
    node(n.next).counted_before += n.counted_before;
  }
  (n.previous == kNone ? first_ : node(n.previous).next) = n.next;
}

void BlockPool::hold(Block block) {
  Node& n = node(block);
  if (n.holders == 0) {
    unlink(block);
    free_ -= n.weight;
  } else {
    shared_ += n.weight;
  }
  ++n.holders;
}

BlockPool::Block BlockPool::identify(Key key, std::int32_t weight) {
  Block block = kNone;
  if (spare_nodes_.empty()) {
    block = static_cast<Block>(nodes_.size());
    nodes_.emplace_back();
  } else {
    block = spare_nodes_.back();
    spare_nodes_.pop_back();
    node(block) = Node{};
  }
  Node& n = node(block);
  n.key = key;
  n.holders = 1;
  n.weight = weight;
  const auto [place, is_new] = contents_.try_emplace(key, Same{block, block});
  if (!is_new) {
    n.previous_same = place->second.last;
    node(n.previous_same).next_same = block;
    place->second.last = block;
  }
  return block;
}

void BlockPool::forget(Block block) {
  const Node& n = node(block);
  const auto place = contents_.find(n.key);
  if (n.previous_same == kNone && n.next_same == kNone) {
    contents_.erase(place);
  } else {
    (n.previous_same == kNone ? place->second.first : node(n.previous_same).next_same) = n.next_same;
    (n.next_same == kNone ? place->second.last : node(n.next_same).previous_same) = n.previous_same;
  }
  spare_nodes_.push_back(block);
}

void BlockPool::release(Block block) {
  Node& n = node(block);
  if (--n.holders > 0) {
    shared_ -= n.weight;
    return;
  }
  n.counted_before = free_ - reserved_ - listed_;
  n.previous = last_;
  n.next = kNone;
  (last_ == kNone ? first_ : node(last_).next) = block;
  last_ = block;
  free_ += n.weight;
  listed_ += n.counted_before + n.weight;
}

}  // namespace foretoken
