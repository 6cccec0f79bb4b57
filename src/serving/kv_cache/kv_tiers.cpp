// What lies in which tier, and the copies between them.
#include "serving/kv_cache/kv_tiers.hpp"

#include <algorithm>

#include "serving/kv_cache/key_chain.hpp"

namespace foretoken {
namespace {

// SGLang: fewer tokens are not worth a copy (load_back_threshold, prefetch_threshold).
constexpr std::int64_t kLeastLoadBack = 10;
constexpr std::int64_t kLeastPrefetch = 256;
// prefetch_timeout_base, prefetch_timeout_per_ki_token, and the most of both.
constexpr Duration kPrefetchBase = std::chrono::seconds{2};
constexpr Duration kPrefetchPerKiToken = std::chrono::milliseconds{100};
constexpr Duration kPrefetchMost = std::chrono::seconds{30};

}  // namespace

KvTiers::KvTiers(const KvOffloadConfig& given, const PrefixTable* described, KvTierTotals& totals)
    : config(given),
      described_(described),
      totals_(totals),
      seen_once_(static_cast<std::size_t>(std::max<std::int64_t>(1, 4 * given.tiers.front().units))) {
  tiers_.reserve(given.tiers.size());
  for (const KvTierConfig& tier : given.tiers) tiers_.emplace_back(tier);
}

void KvTiers::advance(TimePoint known) {
  let_go(known);
  for (Tier& tier : tiers_) tier.link.forget_before(known);
}

// Before anything is put anywhere, so that it does not matter how often anybody looked.
void KvTiers::let_go(TimePoint at) {
  for (auto first = held_.begin(); first != held_.end() && first->first <= at; first = held_.erase(first)) {
    // The last one first, so that the end of a prefix is forgotten before its start.
    for (auto block = first->second.rbegin(); block != first->second.rend(); ++block) host().pool().release(*block);
  }
}

void KvTiers::hold_until(TimePoint end, std::vector<BlockPool::Block>&& blocks) {
  if (!blocks.empty()) held_.emplace(end, std::move(blocks));
}

KvTiers::Stored& KvTiers::stored(RequestId id) {
  if (static_cast<std::size_t>(id) >= stored_.size()) stored_.resize(static_cast<std::size_t>(id) + 1);
  return stored_[static_cast<std::size_t>(id)];
}

KvTiers::Unsaved KvTiers::unsaved(RequestId id) const {
  return static_cast<std::size_t>(id) < stored_.size() ? stored_[static_cast<std::size_t>(id)].last : Unsaved{};
}

void KvTiers::starts_anew(RequestId id) {
  stored(id) = {};
}

std::optional<BlockPool::Block> KvTiers::put(Tier& tier, Key key, TimePoint ready) {
  if (tier.pool().free() == 0) {
    ++totals_.not_stored;
    return std::nullopt;
  }
  tier.pool().take(1);
  const BlockPool::Block block = tier.pool().identify(key);
  if (static_cast<std::size_t>(block) >= tier.ready().size()) tier.ready().resize(static_cast<std::size_t>(block) + 1);
  tier.ready()[static_cast<std::size_t>(block)] = ready;
  return block;
}

void KvTiers::touch(Tier& tier, Key key) {
  const BlockPool::Block block = find(tier, key);
  if (block == BlockPool::kNone || !tier.pool().is_free(block)) return;
  tier.pool().hold(block);
  tier.pool().release(block);
}

void KvTiers::touch(const Request& request, std::int64_t tokens, TimePoint at) {
  let_go(at);
  fetched_for_.erase(request.index);
  KeyChain chain(request, described_, config.unit_tokens);
  keys_.clear();
  for (std::int64_t unit = 0; unit < tokens / config.unit_tokens; ++unit) keys_.push_back(chain.key(unit));
  for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) touch(host(), *key);
}

// The nearest tier that has it; as many as there are: none.
std::size_t KvTiers::tier_of(Key key) const {
  std::size_t tier = 0;
  while (tier < tiers_.size() && find(tiers_[tier], key) == BlockPool::kNone) ++tier;
  return tier;
}

// ---- finding ----

TierMatch KvTiers::look_up(const Request& request, std::int64_t known, bool was_preempted, std::int64_t on_gpu,
                           TimePoint at) {
  TierMatch match;
  match.tokens = on_gpu;
  match.first = on_gpu / config.unit_tokens;
  const bool has_own = was_preempted || KeyChain::has_own(request);
  if (!has_own && request.prefix_row < 0) return match;
  KeyChain chain(request, described_, config.unit_tokens);
  const std::int64_t most = config.backend == KvOffload::hicache ? known - 1 : known;
  std::int64_t units = most / config.unit_tokens;
  if (!has_own) units = std::min(units, chain.described_blocks());
  if (config.backend == KvOffload::native) {
    find_native(chain, units, request.index, at, match);
    if (const auto fetched = fetched_for_.find(request.index); fetched != fetched_for_.end()) {
      for (std::size_t i = 1; i < match.found.size(); ++i) {
        const std::int64_t tokens = std::min(match.found[0], fetched->second[i] * config.unit_tokens);
        match.found[0] -= tokens;
        match.found[i] += tokens;
      }
    }
  } else if (config.backend == KvOffload::lmcache) {
    find_anywhere(chain, units, match);
  } else {
    if (prefetches() && !was_preempted && take_prefetched(request.index, at, match)) return match;
    find_in_host(chain, units, at, match);
  }
  if (!match.any()) return match;
  match.tokens = (match.first + match.units) * config.unit_tokens;
  // One token must be computed for the next to come out.
  if (match.tokens == known) {
    if (config.backend != KvOffload::native) --match.tokens;
    for (auto tokens = match.found.rbegin(); tokens != match.found.rend(); ++tokens) {
      if (*tokens == 0) continue;
      --*tokens;
      break;
    }
  }
  return match;
}

// Blocks in host memory that follow what the GPU has, then those in further tiers, which must come to it first. What is
// on its way is waited for (vLLM's lookup answers None, and the request is asked for again).
void KvTiers::find_native(KeyChain& chain, std::int64_t units, std::int64_t request, TimePoint at, TierMatch& match) {
  std::int64_t unit = match.first;
  keys_.clear();
  for (; unit < units; ++unit) {
    const Key key = chain.key(unit);
    const BlockPool::Block block = find(host(), key);
    if (block == BlockPool::kNone) {
      keys_.push_back(key);
      break;
    }
    if (ready_at(host(), block) > at) {
      match.pending = true;
      match.ready = match.ready == kNever ? ready_at(host(), block) : std::max(match.ready, ready_at(host(), block));
    }
    ++match.units;
    match.found[0] += config.unit_tokens;
  }
  // Once for a request: where others drive out again what came for it, it takes what there is.
  if (keys_.empty() || tiers_.size() == 1 || match.pending || tier_of(keys_.front()) == tiers_.size()) return;
  const auto [fetched, is_first] = fetched_for_.try_emplace(request);
  if (!is_first) return;
  const std::int64_t end = std::min(units, match.first + host().config.units);
  while (unit < end) {
    const std::size_t tier = tier_of(chain.key(unit));
    if (tier == tiers_.size()) break;
    keys_.clear();
    for (; unit < end && tier_of(chain.key(unit)) == tier; ++unit) keys_.push_back(chain.key(unit));
    const TimePoint there = tier == 0 ? at : fetch(keys_, tier, at, true);
    if (tier > 0)
      fetched->second[static_cast<std::size_t>(tiers_[tier].config.tier)] += static_cast<std::int64_t>(keys_.size());
    if (there > at) match.pending = true, match.ready = match.ready == kNever ? there : std::max(match.ready, there);
  }
}

// LMCache: chunks wherever they lie. Those that the GPU has in part are loaded whole.
void KvTiers::find_anywhere(KeyChain& chain, std::int64_t units, TierMatch& match) {
  std::int64_t unit = 0, begin = match.first, on_gpu = match.tokens;
  std::array<std::int64_t, kKvTiers> found{};
  for (; unit < units; ++unit) {
    const std::size_t tier = tier_of(chain.key(unit));
    if (tier == tiers_.size()) break;
    const std::int64_t end = (unit + 1) * config.unit_tokens;
    const std::int64_t beyond = std::max<std::int64_t>(0, end - std::max(on_gpu, unit * config.unit_tokens));
    found[static_cast<std::size_t>(tiers_[tier].config.tier)] += beyond;
  }
  if (unit * config.unit_tokens <= on_gpu) return;
  match.first = begin;
  match.units = unit - begin;
  match.found = found;
}

// SGLang: what of the radix tree lies in host memory.
void KvTiers::find_in_host(KeyChain& chain, std::int64_t units, TimePoint at, TierMatch& match) {
  std::int64_t unit = match.first;
  for (; unit < units; ++unit) {
    const BlockPool::Block block = find(host(), chain.key(unit));
    if (block == BlockPool::kNone || ready_at(host(), block) > at) break;
  }
  if ((unit - match.first) * config.unit_tokens <= kLeastLoadBack) return;
  match.units = unit - match.first;
  match.found[0] = match.units * config.unit_tokens;
}

void KvTiers::prefetch(const Request& request, std::int64_t on_gpu, TimePoint at) {
  if (!KeyChain::has_own(request) && request.prefix_row < 0) return;
  KeyChain chain(request, described_, config.unit_tokens);
  std::int64_t units = (request.prompt_tokens - 1) / config.unit_tokens;
  if (!KeyChain::has_own(request)) units = std::min(units, chain.described_blocks());
  std::int64_t unit = on_gpu / config.unit_tokens;
  while (unit < units && find(host(), chain.key(unit)) != BlockPool::kNone) ++unit;
  Prefetch fetched;
  const std::size_t tier = unit < units ? tier_of(chain.key(unit)) : tiers_.size();
  for (; tier < tiers_.size() && unit < units && tier_of(chain.key(unit)) == tier; ++unit) {
    const Key key = chain.key(unit);
    if (ready_at(tiers_[tier], find(tiers_[tier], key)) > at) break;  // the store says that it is not there
    fetched.keys.push_back(key);
  }
  const auto count = static_cast<std::int64_t>(fetched.keys.size());
  if (count * config.unit_tokens < kLeastPrefetch || prefetched_units_ + count > host().config.units / 2) return;
  prefetched_units_ += count;
  fetched.begin = at;
  fetched.end = tiers_[tier].copy(CopyLink::kRead, count * config.unit_bytes, Duration{}, at);
  prefetches_.emplace(request.index, std::move(fetched));
}

void KvTiers::forget_prefetch(std::int64_t request) {
  fetched_for_.erase(request);
  const auto found = prefetches_.find(request);
  if (found == prefetches_.end()) return;
  prefetched_units_ -= static_cast<std::int64_t>(found->second.keys.size());
  prefetches_.erase(found);
}

// True when the request waits for what is on its way to host memory. Else that is there, or as much of it as came.
bool KvTiers::take_prefetched(std::int64_t request, TimePoint at, TierMatch& match) {
  const auto found = prefetches_.find(request);
  if (found == prefetches_.end()) return false;
  Prefetch& p = found->second;
  const auto units = static_cast<std::int64_t>(p.keys.size());
  const std::int64_t ki_tokens = (units * config.unit_tokens + 1023) / 1024;
  TimePoint until = p.end;
  if (config.prefetch == KvPrefetch::best_effort) until = p.begin;
  if (config.prefetch == KvPrefetch::timeout)
    until = std::min(p.end, p.begin + std::min(kPrefetchMost, kPrefetchBase + kPrefetchPerKiToken * ki_tokens));
  if (at < until) {
    match.pending = true;
    match.ready = until;
    return true;
  }
  const std::int64_t came = at >= p.end ? units
                                        : static_cast<std::int64_t>(static_cast<FineTotal>(units) *
                                                                    (at - p.begin).count() / (p.end - p.begin).count());
  p.keys.resize(static_cast<std::size_t>(came));
  let_go(at);
  std::vector<BlockPool::Block> blocks;
  for (const Key key : p.keys) {
    if (find(host(), key) != BlockPool::kNone) continue;
    if (const auto block = put(host(), key, at)) blocks.push_back(*block);
  }
  totals_.fetched_bytes += came * config.unit_bytes;
  hold_until(at, std::move(blocks));
  let_go(at);
  prefetched_units_ -= units;
  prefetches_.erase(found);
  return false;
}

// ---- copies ----

// From a further tier into host memory; the answer is when all of it is there. What finds no place there still passes
// through it, or (`to_stay`) does not come.
TimePoint KvTiers::fetch(std::span<const Key> keys, std::size_t tier, TimePoint at, bool to_stay) {
  let_go(at);
  std::vector<BlockPool::Block> blocks;
  TimePoint from = at;
  for (const Key key : keys) {
    from = std::max(from, ready_at(tiers_[tier], find(tiers_[tier], key)));
    touch(tiers_[tier], key);
    if (const auto block = put(host(), key, kNever)) blocks.push_back(*block);
  }
  const std::size_t moved = to_stay ? blocks.size() : keys.size();
  if (moved == 0) return at;
  const std::int64_t bytes = static_cast<std::int64_t>(moved) * config.unit_bytes;
  const TimePoint end = tiers_[tier].copy(CopyLink::kRead, bytes, Duration{}, from);
  totals_.fetched_bytes += bytes;
  for (const BlockPool::Block block : blocks) host().ready()[static_cast<std::size_t>(block)] = end;
  hold_until(end, std::move(blocks));
  return end;
}

TimePoint KvTiers::load(const Request& request, const TierMatch& match, TimePoint at) {
  fetched_for_.erase(request.index);
  let_go(at);
  KeyChain chain(request, described_, config.unit_tokens);
  std::vector<BlockPool::Block> blocks;
  std::vector<std::vector<Key>> elsewhere(tiers_.size());
  TimePoint from = at;
  for (std::int64_t unit = match.first; unit < match.first + match.units; ++unit) {
    const Key key = chain.key(unit);
    const std::size_t tier = tier_of(key);
    if (tier > 0 && tier < tiers_.size()) elsewhere[tier].push_back(key);
    if (tier > 0) continue;
    const BlockPool::Block block = find(host(), key);
    from = std::max(from, ready_at(host(), block));
    host().pool().hold(block);
    blocks.push_back(block);
  }
  for (std::size_t tier = 1; tier < tiers_.size(); ++tier) {
    if (!elsewhere[tier].empty()) from = std::max(from, fetch(elsewhere[tier], tier, at, false));
  }
  const std::int64_t bytes = match.units * config.unit_bytes;
  const TimePoint end = host().copy(CopyLink::kRead, bytes, config.unit_copy * match.units, from);
  hold_until(end, std::move(blocks));
  ++totals_.loads;
  totals_.loaded_bytes += bytes;
  totals_.load_time += (end - at).count();
  return end;
}

TimePoint KvTiers::store(RequestId id, const Request& request, std::int64_t tokens, TimePoint at) {
  if (config.prompt_only || config.backend == KvOffload::lmcache)
    tokens = std::min<std::int64_t>(tokens, request.prompt_tokens);
  Stored& of_request = stored(id);
  const std::int64_t units = tokens / config.unit_tokens;
  if (units <= of_request.units || writes_back()) return at;
  KeyChain chain(request, described_, config.unit_tokens);
  keys_.clear();
  for (std::int64_t unit = of_request.units; unit < units; ++unit) {
    const Key key = chain.key(unit);
    if (config.write == KvWrite::through_selective && !seen_once_.has(key)) {
      seen_once_.use(key);
      continue;
    }
    if (find(host(), key) == BlockPool::kNone) keys_.push_back(key);
  }
  of_request.units = units;
  const std::int64_t before = totals_.stored_bytes;
  const TimePoint end = keep(keys_, at);
  const std::int64_t copied = config.unit_bytes > 0 ? (totals_.stored_bytes - before) / config.unit_bytes : 0;
  if (of_request.last.end <= at) of_request.last.units = 0;
  if (copied > 0) of_request.last = {end, of_request.last.units + copied};
  return end;
}

// The content of these blocks goes to host memory, and from there to the further tiers.
TimePoint KvTiers::keep(std::span<const Key> keys, TimePoint at) {
  let_go(at);
  std::vector<BlockPool::Block> blocks;
  std::vector<Key> kept;
  for (const Key key : keys) {
    if (const auto block = put(host(), key, kNever)) {
      blocks.push_back(*block);
      kept.push_back(key);
    }
  }
  if (kept.empty()) return at;
  const auto count = static_cast<std::int64_t>(kept.size());
  const std::int64_t bytes = count * config.unit_bytes;
  const TimePoint end = host().copy(CopyLink::kWrite, bytes, config.unit_copy * count, at);
  totals_.stored_bytes += bytes;
  for (const BlockPool::Block block : blocks) host().ready()[static_cast<std::size_t>(block)] = end;
  hold_until(end, std::move(blocks));
  pass_on(kept, end);
  return end;
}

void KvTiers::pass_on(std::span<const Key> keys, TimePoint at) {
  for (std::size_t i = 1; i < tiers_.size(); ++i) {
    Tier& tier = tiers_[i];
    std::vector<BlockPool::Block> blocks;
    for (const Key key : keys) {
      if (find(tier, key) != BlockPool::kNone)
        touch(tier, key);
      else if (const auto block = put(tier, key, kNever))
        blocks.push_back(*block);
    }
    if (blocks.empty()) continue;
    const std::int64_t bytes = static_cast<std::int64_t>(blocks.size()) * config.unit_bytes;
    const TimePoint end = tier.copy(CopyLink::kWrite, bytes, Duration{}, at);
    for (const BlockPool::Block block : blocks) tier.ready()[static_cast<std::size_t>(block)] = end;
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) tier.pool().release(*block);
  }
}

TimePoint KvTiers::swap(CopyLink::Direction direction, std::int64_t blocks, TimePoint at) {
  if (blocks == 0) return at;
  const std::int64_t bytes = blocks * config.unit_bytes;
  const bool in = direction == CopyLink::kRead;
  (in ? totals_.swapped_in : totals_.swapped_out) += blocks;
  (in ? totals_.loaded_bytes : totals_.stored_bytes) += bytes;
  return host().copy(direction, bytes, config.unit_copy * blocks, at);
}

TimePoint KvTiers::write_back(std::span<const Key> keys, TimePoint at) {
  keys_.clear();
  for (const Key key : keys) {
    if (find(host(), key) == BlockPool::kNone) keys_.push_back(key);
  }
  return keep(keys_, at);
}

}  // namespace foretoken
