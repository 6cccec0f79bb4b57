// The identified part of each request's block table.
#include "serving/kv_cache/prefix_cache.hpp"

#include <algorithm>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

// Windowed layers keep the same content in blocks of their own.
BlockPool::Key in_window(BlockPool::Key key) {
  constexpr std::uint64_t kWindowed = 4;
  return mix_keys(kWindowed, key);
}

}  // namespace

PrefixMatch PrefixCache::match(const Request& request, std::int64_t known_tokens, bool was_preempted) {
  matched_.clear();
  matched_window_.blocks.clear();
  const bool has_own = was_preempted || KeyChain::has_own(request);
  if (!enabled_ || (!has_own && request.prefix_row < 0)) return {};
  KeyChain chain(request, described_, block_size_);
  std::int64_t most = (known_tokens - 1) / block_size_;
  if (!has_own) most = std::min(most, chain.described_blocks());
  PrefixMatch match;
  if (layout_.windowed == 0) {
    for (; match.blocks < most; ++match.blocks) {
      const BlockPool::Block block = pool_.find(chain.key(match.blocks));
      if (block == BlockPool::kNone) break;
      matched_.push_back(block);
      match.free_blocks += pool_.is_free(block) ? layout_.full : 0;
    }
    match.tokens = match.blocks * block_size_;
    match.blocks *= layout_.full;
    return match;
  }
  std::vector<BlockPool::Key> keys;
  for (std::int64_t i = 0; i < most; ++i) {
    keys.push_back(chain.key(i));
    const BlockPool::Block block = layout_.full > 0 ? pool_.find(keys.back()) : BlockPool::kNone;
    if (layout_.full > 0 && block == BlockPool::kNone) break;
    if (layout_.full > 0) matched_.push_back(block);
    ++match.blocks;
  }
  match_in_window(keys, match);
  return match;
}

template <class Found>
std::int64_t PrefixCache::end_in_window(std::int64_t blocks, Found found) const {
  const auto needed = [&](std::int64_t end) { return end - layout_.first_in_window(end * block_size_, block_size_); };
  std::int64_t end = blocks, run = 0;
  for (std::int64_t i = blocks; i-- > 0 && run < needed(end);) {
    if (found(i)) {
      ++run;
    } else {
      end = i;
      run = 0;
    }
  }
  return end;
}

void PrefixCache::match_in_window(const std::vector<BlockPool::Key>& keys, PrefixMatch& match) {
  const auto block_at = [&](std::int64_t i) { return pool_.find(in_window(keys[static_cast<std::size_t>(i)])); };
  const std::int64_t end = end_in_window(match.blocks, [&](std::int64_t i) { return block_at(i) != BlockPool::kNone; });
  if (layout_.full > 0) matched_.resize(static_cast<std::size_t>(end));
  matched_window_.first = layout_.first_in_window(end * block_size_, block_size_);
  for (std::int64_t i = matched_window_.first; i < end; ++i) matched_window_.blocks.push_back(block_at(i));
  match.tokens = end * block_size_;
  match.blocks = layout_.full * end + layout_.windowed * (end - matched_window_.first);
  for (const BlockPool::Block block : matched_) match.free_blocks += pool_.is_free(block) ? layout_.full : 0;
  for (const BlockPool::Block block : matched_window_.blocks)
    match.free_blocks += pool_.is_free(block) ? layout_.windowed : 0;
}

std::int64_t PrefixCache::cached_tokens(const Request& request, std::int64_t taken) const {
  const bool has_own = KeyChain::has_own(request);
  if (!enabled_ || (!has_own && request.prefix_row < 0)) return 0;
  KeyChain chain(request, described_, block_size_);
  std::int64_t most = (request.prompt_tokens - 1) / block_size_;
  if (!has_own) most = std::min(most, chain.described_blocks());
  const std::vector<BlockPool::Block> gone = pool_.evicted_by(taken);
  std::vector<BlockPool::Key> keys;
  std::int64_t blocks = 0;
  for (; blocks < most; ++blocks) {
    const BlockPool::Key key = chain.key(blocks);
    if (layout_.full > 0 && !pool_.holds(key, gone)) break;
    if (layout_.windowed > 0) keys.push_back(key);
  }
  if (layout_.windowed > 0)
    blocks = end_in_window(
        blocks, [&](std::int64_t i) { return pool_.holds(in_window(keys[static_cast<std::size_t>(i)]), gone); });
  return blocks * block_size_;
}

std::optional<BlockPool::Key> PrefixCache::first_new(const Request& request) const {
  if (!enabled_ || request.prefix_row < 0) return std::nullopt;
  KeyChain chain(request, described_, block_size_);
  for (std::int64_t block = 0; block < chain.described_blocks(); ++block) {
    const BlockPool::Key key = chain.key(block);
    if (pool_.find(key) == BlockPool::kNone) return key;
  }
  return std::nullopt;
}

std::int64_t PrefixCache::free_before(std::int64_t first) const {
  std::int64_t free = 0;
  for (std::int64_t i = matched_window_.first; i < std::min(first, matched_window_.end()); ++i) {
    if (pool_.is_free(matched_window_.blocks[static_cast<std::size_t>(i - matched_window_.first)]))
      free += layout_.windowed;
  }
  return free;
}

void PrefixCache::hold_match(RequestId id) {
  if (!matched_.empty()) {
    for (const BlockPool::Block block : matched_) pool_.hold(block);
    table(id) = matched_;
  }
  if (layout_.windowed == 0) return;
  for (const BlockPool::Block block : matched_window_.blocks) pool_.hold(block);
  window(id) = matched_window_;
}

// The first so many blocks of the request, and those of them that windowed layers still hold.
void PrefixCache::identify(RequestId id, KeyChain& chain, std::int64_t blocks, bool with_window) {
  std::vector<BlockPool::Block>& held = table(id);
  if (layout_.windowed == 0) {
    for (auto block = static_cast<std::int64_t>(held.size()); block < blocks; ++block)
      held.push_back(pool_.identify(chain.key(block), layout_.full));
    return;
  }
  Window& in = window(id);
  const auto whole = static_cast<std::int64_t>(held.size());
  const std::int64_t from_window = with_window ? in.end() : blocks;
  for (std::int64_t block = std::min(layout_.full > 0 ? whole : blocks, from_window); block < blocks; ++block) {
    const BlockPool::Key key = chain.key(block);
    if (layout_.full > 0 && block >= whole) held.push_back(pool_.identify(key, layout_.full));
    if (block >= from_window && block >= in.end())
      in.blocks.push_back(pool_.identify(in_window(key), layout_.windowed));
  }
}

void PrefixCache::identify_described(RequestId id, const Request& request, std::int64_t tokens) {
  KeyChain chain(request, described_, block_size_);
  identify(id, chain, std::min(tokens / block_size_, chain.described_blocks()), true);
}

void PrefixCache::bring(const Request& request, std::int64_t tokens) {
  if (!enabled_ || layout_.windowed > 0) return;
  KeyChain chain(request, described_, block_size_);
  const bool has_own = KeyChain::has_own(request);
  std::int64_t most = tokens / block_size_;
  if (!has_own) most = std::min(most, chain.described_blocks());
  std::vector<BlockPool::Block> all;
  std::vector<BlockPool::Key> missing;
  for (std::int64_t block = 0; block < most; ++block) {
    const BlockPool::Key key = chain.key(block);
    const BlockPool::Block here = missing.empty() ? pool_.find(key) : BlockPool::kNone;
    if (here == BlockPool::kNone) {
      missing.push_back(key);
    } else {
      pool_.hold(here);  // so that it does not make room for what follows it
      all.push_back(here);
    }
  }
  const auto room = static_cast<std::size_t>(pool_.free() / layout_.full);
  missing.resize(std::min(missing.size(), room));
  pool_.take(static_cast<std::int64_t>(missing.size()) * layout_.full);
  for (const BlockPool::Key key : missing) all.push_back(pool_.identify(key, layout_.full));
  for (auto block = all.rbegin(); block != all.rend(); ++block) pool_.release(*block);
}

std::int64_t PrefixCache::shared_before(RequestId id, std::int64_t first) const {
  if (static_cast<std::size_t>(id) >= windows_.size()) return 0;
  const Window& in = windows_[static_cast<std::size_t>(id)];
  const auto before = std::clamp<std::int64_t>(first - in.first, 0, static_cast<std::int64_t>(in.blocks.size()));
  return layout_.windowed * std::count_if(in.blocks.begin(), in.blocks.begin() + before,
                                          [&](BlockPool::Block block) { return pool_.is_shared(block); });
}

std::int64_t PrefixCache::slide(RequestId id, std::int64_t first) {
  Window& in = window(id);
  std::int64_t gone = 0;
  for (; in.first < first && gone < static_cast<std::int64_t>(in.blocks.size()); ++in.first, ++gone)
    pool_.release(in.blocks[static_cast<std::size_t>(gone)]);
  in.blocks.erase(in.blocks.begin(), in.blocks.begin() + gone);
  in.first = std::max(in.first, first);
  return gone * layout_.windowed;
}

// Decoding has moved the window on. What it let go of was counted, and a block that lost its place so is one of those
// that are counted now; one that others hold too was never its own. So many blocks it has less.
std::int64_t PrefixCache::leave_behind(Window& in, std::int64_t first) {
  std::int64_t others = 0, gone = 0;
  for (; in.first < first && gone < static_cast<std::int64_t>(in.blocks.size()); ++in.first, ++gone) {
    const BlockPool::Block block = in.blocks[static_cast<std::size_t>(gone)];
    if (pool_.is_shared(block)) {
      pool_.release(block);
      others += layout_.windowed;
    } else {
      pool_.drop_content(block);
    }
  }
  in.blocks.erase(in.blocks.begin(), in.blocks.begin() + gone);
  in.first = std::max(in.first, first);
  return others;
}

void PrefixCache::release(RequestId id, const Request& request, std::int64_t blocks, std::int64_t full, bool preempted,
                          std::int64_t first) {
  const bool has_own = enabled_ && (preempted || KeyChain::has_own(request));
  if (!has_own && static_cast<std::size_t>(id) >= std::max(tables_.size(), windows_.size())) {
    const std::int64_t whole = enabled_ ? std::min(blocks, layout_.groups() * (full / block_size_)) : 0;
    pool_.give_back_partial(blocks - whole);
    return pool_.give_back(whole);
  }
  if (has_own) {
    const std::int64_t others = layout_.windowed > 0 ? leave_behind(window(id), first) : 0;
    blocks -= others;
    KeyChain chain(request, described_, block_size_);
    identify(id, chain, full / block_size_, others == 0);
  }
  std::vector<BlockPool::Block>& held = table(id);
  std::int64_t identified = layout_.full * static_cast<std::int64_t>(held.size());
  if (layout_.windowed > 0) identified += layout_.windowed * static_cast<std::int64_t>(window(id).blocks.size());
  const std::int64_t all_full = layout_.groups() * (full / block_size_) - layout_.windowed * first;
  const std::int64_t whole = enabled_ ? std::clamp(all_full, identified, std::max(identified, blocks)) : identified;
  invariant(identified <= blocks, "a request holds fewer blocks than are known of it");
  pool_.give_back_partial(blocks - whole);
  pool_.give_back(whole - identified);
  for (auto block = held.rbegin(); block != held.rend(); ++block) pool_.release(*block);
  held.clear();
  if (layout_.windowed == 0) return;
  Window& in = window(id);
  for (auto block = in.blocks.rbegin(); block != in.blocks.rend(); ++block) pool_.release(*block);
  in = {};
}

std::vector<BlockPool::Block>& PrefixCache::table(RequestId id) {
  const auto place = static_cast<std::size_t>(id);
  if (place >= tables_.size()) tables_.resize(place + 1);
  return tables_[place];
}

PrefixCache::Window& PrefixCache::window(RequestId id) {
  const auto place = static_cast<std::size_t>(id);
  if (place >= windows_.size()) windows_.resize(place + 1);
  return windows_[place];
}

}  // namespace foretoken
