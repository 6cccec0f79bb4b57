// What came from KV caches outside the GPU, and went there.
#include "metrics/kv_tier_columns.hpp"

namespace foretoken {
namespace {

using G = ColumnGroup;
using View = const MeasureView&;

double tier_count(std::int64_t v) {
  return static_cast<double>(v);
}
const KvTierTotals& tiers(View v) {
  return v.run.engine.kv_tiers;
}
double of_tiers(View v, double value) {
  return v.scope == Scope::run && tiers(v) != KvTierTotals{} ? value : kMissing;
}
double tier_hits(View v, KvTier tier) {
  return of_tiers(v, tier_count(tiers(v).hits[static_cast<std::size_t>(tier)]));
}

constexpr Column kKvTierColumns[] = {
    {"gpu_prefix_hits", "Prefix tokens found on the GPU", "tok", G::load, true,
     [](View v) {
       std::int64_t elsewhere = 0;
       for (const std::int64_t hits : tiers(v).hits) elsewhere += hits;
       return of_tiers(v, tier_count(v.run.engine.prefix_cache_hits - elsewhere));
     },
     "on first admission; KV tiers only, as the next eight"},
    {"cpu_prefix_hits", "Prefix tokens found in host memory", "tok", G::load, true,
     [](View v) { return tier_hits(v, KvTier::cpu); }, "beyond those on the GPU"},
    {"disk_prefix_hits", "Prefix tokens found on disk", "tok", G::load, true,
     [](View v) { return tier_hits(v, KvTier::disk); }, "beyond those"},
    {"remote_prefix_hits", "Prefix tokens found in the remote store", "tok", G::load, true,
     [](View v) { return tier_hits(v, KvTier::remote); }, "beyond those"},
    {"kv_loaded_gb", "KV cache loaded", "GB", G::load, false,
     [](View v) { return of_tiers(v, tier_count(tiers(v).loaded_bytes) * 1e-9); },
     "from host memory to the GPU, all replicas; with what was swapped in"},
    {"kv_stored_gb", "KV cache stored", "GB", G::load, false,
     [](View v) { return of_tiers(v, tier_count(tiers(v).stored_bytes) * 1e-9); },
     "from the GPU to host memory; with what was swapped out"},
    {"kv_fetched_gb", "KV cache fetched", "GB", G::load, false,
     [](View v) { return of_tiers(v, tier_count(tiers(v).fetched_bytes) * 1e-9); },
     "from disk or the remote store to host memory"},
    {"mean_kv_load_ms", "Mean load of a KV cache", "ms", G::load, false,
     [](View v) {
       return of_tiers(
           v, tiers(v).loads > 0 ? tier_count(tiers(v).load_time) * 1e-6 / tier_count(tiers(v).loads) : kMissing);
     },
     "from its begin to its end, also where it is hidden"},
    {"kv_step_wait_s", "Steps waited for KV copies", "s", G::load, false,
     [](View v) { return of_tiers(v, tier_count(tiers(v).step_time) * 1e-9); },
     "by which steps of all replicas were longer"},
};

}  // namespace

std::span<const Column> kv_tier_columns() {
  return kKvTierColumns;
}

}  // namespace foretoken
