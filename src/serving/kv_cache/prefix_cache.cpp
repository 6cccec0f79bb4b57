// The identified part of each request's block table.
#include "serving/kv_cache/prefix_cache.hpp"

#include <algorithm>

#include "serving/kv_cache/key_chain.hpp"

namespace foretoken {

PrefixMatch PrefixCache::match(const Request& request, std::int64_t known_tokens, bool was_preempted) {
  matched_.clear();
  const bool has_own = was_preempted || request.conversation >= 0;
  if (!enabled_ || (!has_own && request.prefix_row < 0)) return {};
  KeyChain chain(request, described_, block_size_);
  std::int64_t most = (known_tokens - 1) / block_size_;
  if (!has_own) most = std::min(most, chain.described_blocks());
  PrefixMatch match;
  for (; match.blocks < most; ++match.blocks) {
    const BlockPool::Block block = pool_.find(chain.key(match.blocks));
    if (block == BlockPool::kNone) break;
    matched_.push_back(block);
    match.free_blocks += pool_.is_free(block) ? 1 : 0;
  }
  match.tokens = match.blocks * block_size_;
  return match;
}

std::int64_t PrefixCache::cached_tokens(const Request& request, std::int64_t taken) const {
  const bool has_own = request.conversation >= 0;
  if (!enabled_ || (!has_own && request.prefix_row < 0)) return 0;
  KeyChain chain(request, described_, block_size_);
  std::int64_t most = (request.prompt_tokens - 1) / block_size_;
  if (!has_own) most = std::min(most, chain.described_blocks());
  const std::vector<BlockPool::Block> gone = pool_.evicted_by(taken);
  std::int64_t blocks = 0;
  while (blocks < most && pool_.holds(chain.key(blocks), gone)) ++blocks;
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

void PrefixCache::hold_match(RequestId id) {
  if (matched_.empty()) return;
  for (const BlockPool::Block block : matched_) pool_.hold(block);
  table(id) = matched_;
}

void PrefixCache::identify_described(RequestId id, const Request& request, std::int64_t tokens) {
  std::vector<BlockPool::Block>& held = table(id);
  KeyChain chain(request, described_, block_size_);
  const std::int64_t full = std::min(tokens / block_size_, chain.described_blocks());
  for (auto block = static_cast<std::int64_t>(held.size()); block < full; ++block) {
    held.push_back(pool_.identify(chain.key(block)));
  }
}

void PrefixCache::release(RequestId id, const Request& request, std::int64_t blocks, std::int64_t full,
                          bool preempted) {
  const bool has_own = enabled_ && (preempted || request.conversation >= 0);
  if (!has_own && static_cast<std::size_t>(id) >= tables_.size()) {
    const std::int64_t whole = enabled_ ? std::min(blocks, full / block_size_) : 0;
    pool_.give_back_partial(blocks - whole);
    return pool_.give_back(whole);
  }
  std::vector<BlockPool::Block>& held = table(id);
  if (has_own) {
    KeyChain chain(request, described_, block_size_);
    for (auto block = static_cast<std::int64_t>(held.size()); block < full / block_size_; ++block) {
      held.push_back(pool_.identify(chain.key(block)));
    }
  }
  const auto identified = static_cast<std::int64_t>(held.size());
  const std::int64_t whole = enabled_ ? std::clamp(full / block_size_, identified, blocks) : identified;
  pool_.give_back_partial(blocks - whole);
  pool_.give_back(whole - identified);
  for (auto block = held.rbegin(); block != held.rend(); ++block) pool_.release(*block);
  held.clear();
}

std::vector<BlockPool::Block>& PrefixCache::table(RequestId id) {
  const auto place = static_cast<std::size_t>(id);
  if (place >= tables_.size()) tables_.resize(place + 1);
  return tables_[place];
}

}  // namespace foretoken
