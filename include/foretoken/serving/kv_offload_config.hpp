// KV caches outside the GPU: in host memory, on disk, in a remote store (src/serving/README.md, "KV tiers").
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

// Where a KV cache can lie, the nearest first.
enum class KvTier { cpu, disk, remote };
inline constexpr int kKvTiers = 3;
[[nodiscard]] constexpr std::string_view to_string(KvTier tier) {
  return tier == KvTier::cpu ? "cpu" : tier == KvTier::disk ? "disk" : "remote";
}

// Whose rules hold: who waits for what is loaded, and when it is stored.
enum class KvOffload {
  none,
  native,   // vLLM's OffloadingConnector: loads beside the steps, and a request waits for its own
  lmcache,  // LMCache in vLLM: within the step, and every request of it waits
  hicache,  // SGLang's HiCache: under the prefill, layer by layer
};
[[nodiscard]] constexpr std::string_view to_string(KvOffload backend) {
  return backend == KvOffload::native    ? "native"
         : backend == KvOffload::lmcache ? "lmcache"
         : backend == KvOffload::hicache ? "hicache"
                                         : "none";
}

// When a block goes to the tiers (SGLang's hicache_write_policy; the others write through).
enum class KvWrite {
  through,            // when it is computed
  through_selective,  // the second time a request has it
  back,               // when the GPU needs its place
};
// What a queued request waits for of what is fetched into host memory for it (hicache_storage_prefetch_policy).
enum class KvPrefetch { best_effort, wait_complete, timeout };

// One tier of one rank, or of all that share it. All GPUs of the rank move their parts at once: bandwidths are of all
// together.
struct KvTierConfig {
  KvTier tier = KvTier::cpu;
  std::int64_t units = 0;             // of KvOffloadConfig::unit_tokens that it holds
  std::int64_t read_bandwidth = 0;    // bytes/s towards the GPU: of the first tier to it, of others to the first
  std::int64_t write_bandwidth = 0;   // bytes/s away from it
  std::int64_t shared_bandwidth = 0;  // bytes/s of both directions together; 0 = each has its own
  Duration latency{};                 // of each read and write
  bool shared = false;                // all replicas of the pool have it together, and find what others stored
  std::int64_t store_bandwidth = 0;   // shared: bytes/s in each direction, of all replicas together; 0 = no limit
  std::string name = {};              // shared: pools that give it the same name have one store together
  bool operator==(const KvTierConfig&) const = default;
};

// Of one rank. A unit is what is kept, found and moved as one: a KV block, a chunk of LMCache, a page.
struct KvOffloadConfig {
  KvOffload backend = KvOffload::none;
  std::int64_t unit_tokens = 16;
  std::int64_t unit_bytes = 0;     // on all GPUs of the rank
  Duration unit_copy{};            // least time of a unit between GPU and host: its calls to copy, one after the other
  std::int64_t layers = 1;         // that are loaded one after the other
  bool layerwise = false;          // lmcache: loads and stores run under the step, layer by layer
  bool prompt_only = false;        // native: what was decoded is not stored
  bool before_hand_overs = false;  // in a pool of role decode: what tiers have of a prompt is not fetched from its pool
  KvWrite write = KvWrite::through;
  KvPrefetch prefetch = KvPrefetch::timeout;
  std::vector<KvTierConfig> tiers = {};  // the nearest first; the first one is host memory
  // vLLM V0, preemption_mode: swap. KV blocks that host memory holds of preempted requests; 0 = they are recomputed.
  std::int64_t swap_blocks = 0;
  [[nodiscard]] bool on() const { return backend != KvOffload::none; }
  [[nodiscard]] bool swaps() const { return swap_blocks > 0; }
  [[nodiscard]] bool shares_store() const {
    return std::any_of(tiers.begin(), tiers.end(), [](const KvTierConfig& tier) { return tier.shared; });
  }
  bool operator==(const KvOffloadConfig&) const = default;
};

// What a rank moved.
struct KvTierTotals {
  std::array<std::int64_t, kKvTiers> hits{};  // prompt tokens found on first admissions, by where they lay
  std::int64_t loads = 0;                     // of requests
  std::int64_t loaded_bytes = 0;              // to the GPU
  std::int64_t stored_bytes = 0;              // from it
  std::int64_t fetched_bytes = 0;             // from further tiers to host memory
  std::int64_t not_stored = 0;                // units for which there was no place
  std::int64_t load_time = 0;                 // ns that loads took, from their begin to their end
  std::int64_t step_time = 0;                 // ns by which steps were longer for loads, stores and swaps
  std::int64_t swapped_out = 0;               // blocks
  std::int64_t swapped_in = 0;
  KvTierTotals& operator+=(const KvTierTotals& other);
  bool operator==(const KvTierTotals&) const = default;
};

}  // namespace foretoken
