// KV caches of a rank outside its GPU: what lies where, and when copies of it end (src/serving/README.md, "KV tiers").
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/recent_keys.hpp"
#include "foretoken/serving/kv_offload_config.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/kv_cache/block_pool.hpp"
#include "serving/kv_cache/copy_link.hpp"
#include "serving/kv_cache/key_chain.hpp"
#include "serving/kv_cache/kv_place.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// What tiers have of a request's known tokens beyond what its GPU has.
struct TierMatch {
  std::int64_t first = 0;                      // the first unit to be loaded
  std::int64_t units = 0;                      // from there on
  std::int64_t tokens = 0;                     // from the start, with what the GPU has
  std::array<std::int64_t, kKvTiers> found{};  // tokens beyond the GPU's, by where they lie
  bool pending = false;                        // nobody can say before `ready`, when what is on its way is there
  TimePoint ready = kNever;
  [[nodiscard]] bool any() const { return units > 0; }
};

// A tier is a BlockPool whose blocks nobody holds but while they are copied: its free queue is the order in which they
// are forgotten, the least recently used first.
// Contract: times at which anything is asked or told do not fall, but for those of advance().
class KvTiers {
 public:
  // `described` may be null. `totals` is added to.
  KvTiers(const KvOffloadConfig& config, const PrefixTable* described, KvTierTotals& totals);

  const KvOffloadConfig config;
  // The tier that is shared lies there. Before anything else is asked.
  void share(KvPlace& place) {
    for (Tier& tier : tiers_) {
      if (tier.config.shared) tier.place = &place;
    }
  }
  [[nodiscard]] bool loads_aside() const { return config.backend == KvOffload::native; }
  [[nodiscard]] bool writes_back() const { return config.write == KvWrite::back; }
  [[nodiscard]] bool prefetches() const { return config.backend == KvOffload::hicache && tiers_.size() > 1; }

  // Copies that have ended by `known` are done; nothing will be asked for that begins before it.
  void advance(TimePoint known);

  // ---- finding ----
  // Of the first `known` tokens of a request, of which the GPU has `on_gpu`. Native: what lies in further tiers is
  // fetched into the first from `at` on, and until it is there the match is pending.
  [[nodiscard]] TierMatch look_up(const Request& request, std::int64_t known, bool was_preempted, std::int64_t on_gpu,
                                  TimePoint at);
  // A request enters the queue, of whose prompt the GPU has so many tokens: what lies in further tiers is fetched.
  void prefetch(const Request& request, std::int64_t on_gpu, TimePoint at);
  // It leaves the queue.
  void forget_prefetch(std::int64_t request);
  // It is admitted, with so many tokens found: they are those used last.
  void touch(const Request& request, std::int64_t tokens, TimePoint at);

  // ---- loading ----
  // What was found comes to the GPU, from `at` on; the answer is its end.
  TimePoint load(const Request& request, const TierMatch& match, TimePoint at);

  // ---- storing ----
  // From now on the request has nothing stored.
  void starts_anew(RequestId id);
  // The first `tokens` tokens of a request are computed: whole units go to the tiers from `at` on. The answer is the
  // end of the copy to host memory, or `at`.
  TimePoint store(RequestId id, const Request& request, std::int64_t tokens, TimePoint at);
  // When the last copy of its blocks ends, and how many they are.
  struct Unsaved {
    TimePoint end{};
    std::int64_t units = 0;
  };
  [[nodiscard]] Unsaved unsaved(RequestId id) const;
  // Blocks with these keys have lost their place on the GPU (KvWrite::back).
  TimePoint write_back(std::span<const BlockPool::Key> keys, TimePoint at);

  // So many blocks go to the host, or come from there.
  TimePoint swap(CopyLink::Direction direction, std::int64_t blocks, TimePoint at);

  [[nodiscard]] KvTierTotals& totals() { return totals_; }

 private:
  using Key = BlockPool::Key;
  struct Tier {
    Tier(const KvTierConfig& c)
        : config(c),
          own(std::make_unique<KvPlace>(c)),
          place(own.get()),
          link(c.read_bandwidth, c.write_bandwidth, c.shared_bandwidth, c.latency) {}
    [[nodiscard]] BlockPool& pool() const { return place->pool; }
    [[nodiscard]] std::vector<TimePoint>& ready() const { return place->ready; }
    TimePoint copy(CopyLink::Direction direction, std::int64_t bytes, Duration least, TimePoint at) {
      return place->copy(link, direction, bytes, least, at);
    }
    KvTierConfig config;
    std::unique_ptr<KvPlace> own;
    KvPlace* place;  // own, or shared
    CopyLink link;   // of this rank
  };
  struct Prefetch {
    TimePoint begin{}, end{};
    std::vector<Key> keys;
  };
  struct Stored {
    std::int64_t units = 0;  // looked at, from the start
    Unsaved last;
  };

  [[nodiscard]] static BlockPool::Block find(const Tier& tier, Key key) { return tier.pool().find(key); }
  [[nodiscard]] TimePoint ready_at(const Tier& tier, BlockPool::Block block) const {
    return tier.ready()[static_cast<std::size_t>(block)];
  }
  [[nodiscard]] Tier& host() { return tiers_.front(); }
  [[nodiscard]] Stored& stored(RequestId id);
  // A place for this content, held; none where all are.
  std::optional<BlockPool::Block> put(Tier& tier, Key key, TimePoint ready);
  void let_go(TimePoint at);
  void hold_until(TimePoint end, std::vector<BlockPool::Block>&& blocks);
  void touch(Tier& tier, Key key);
  TimePoint keep(std::span<const Key> keys, TimePoint at);
  void pass_on(std::span<const Key> keys, TimePoint at);
  TimePoint fetch(std::span<const Key> keys, std::size_t tier, TimePoint at, bool to_stay);
  [[nodiscard]] std::size_t tier_of(Key key) const;
  [[nodiscard]] bool take_prefetched(std::int64_t request, TimePoint at, TierMatch& match);
  void find_native(KeyChain& chain, std::int64_t units, std::int64_t request, TimePoint at, TierMatch& match);
  void find_anywhere(KeyChain& chain, std::int64_t units, TierMatch& match);
  void find_in_host(KeyChain& chain, std::int64_t units, TimePoint at, TierMatch& match);

  std::vector<Tier> tiers_;
  const PrefixTable* described_;
  KvTierTotals& totals_;
  std::multimap<TimePoint, std::vector<BlockPool::Block>> held_;  // of the first tier, until their copy ends
  std::vector<Stored> stored_;                                    // by RequestId
  std::unordered_map<std::int64_t, Prefetch> prefetches_;         // by request; never iterated
  // Native, by request: units that came for it, by where they lay. Never iterated.
  std::unordered_map<std::int64_t, std::array<std::int64_t, kKvTiers>> fetched_for_;
  std::int64_t prefetched_units_ = 0;  // that are under way
  RecentKeys seen_once_;               // KvWrite::through_selective
  std::vector<Key> keys_;              // scratch
};

}  // namespace foretoken
