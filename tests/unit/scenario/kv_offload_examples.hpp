// Values of the keys of KV tiers, and what makes each of them legal and effective.
#pragma once

#include "unit/scenario/fleet_examples.hpp"

namespace foretoken::test {

inline std::map<std::string, Example> kv_offload_examples() {
  const std::string native = "engine.kv_offloading_size=10", lmcache = "engine.kv_offloading_backend=lmcache";
  const std::string sglang = "engine.name=sglang", hicache = "engine.enable_hierarchical_cache=true";
  const std::string v0 = "engine.name=vllm-v0", swap = "engine.preemption_mode=swap";
  const std::string disk = "engine.kv_disk={size: 1 TB}", remote = "engine.kv_remote={size: 1 TB}";
  return {
      {"engine.kv_offloading_size", {"20"}},
      {"engine.kv_offloading_backend", {"lmcache", {native}}},
      {"engine.kv_connector_extra_config.offload_prompt_only", {"true", {native}}},
      {"engine.kv_connector_extra_config.chunk_size", {"128", {native, lmcache}}},
      {"engine.kv_connector_extra_config.use_layerwise", {"true", {native, lmcache}}},
      {"engine.kv_connector_extra_config.asked_first",
       {"tiers", {native, "pools=[{name: p, role: prefill}, {name: d, role: decode}]"}}},
      {"engine.enable_hierarchical_cache", {"true", {sglang}}},
      {"engine.hicache_ratio", {"3", {sglang, hicache}}},
      {"engine.hicache_size", {"50", {sglang, hicache}}},
      {"engine.hicache_write_policy", {"write_back", {sglang, hicache}}},
      {"engine.hicache_io_backend", {"direct", {sglang, hicache}}},
      {"engine.hicache_storage_prefetch_policy", {"wait_complete", {sglang, hicache}}},
      {"engine.kv_disk.size", {"2 TB", {native}}},
      {"engine.kv_disk.read_bandwidth", {"10 GB/s", {native, disk}}},
      {"engine.kv_disk.write_bandwidth", {"5 GB/s", {native, disk}}},
      {"engine.kv_disk.latency", {"1 ms", {native, disk}}},
      {"engine.kv_remote.size", {"2 TB", {native}}},
      {"engine.kv_remote.read_bandwidth", {"10 GB/s", {native, remote}}},
      {"engine.kv_remote.write_bandwidth", {"5 GB/s", {native, remote}}},
      {"engine.kv_remote.shared", {"true", {native, remote, "replicas=2"}}},
      {"engine.kv_remote.store_bandwidth", {"1 GB/s", {native, remote, "engine.kv_remote.shared=true"}}},
      {"engine.kv_remote.name", {"conversations", {native, remote, "engine.kv_remote.shared=true"}}},
      {"engine.kv_remote.latency", {"1 ms", {native, remote}}},
      {"engine.swap_space", {"8", {v0, swap}}},
      {"engine.preemption_mode", {"swap", {v0}}},
      {"hardware.host_bandwidth", {"40 GB/s", {native}}},
      {"hardware.host_bandwidth_both", {"70 GB/s", {native}}},
      {"hardware.per_host_copy", {"5 us", {native}}},
  };
}

}  // namespace foretoken::test
