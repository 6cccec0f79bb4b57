// Keys of KV caches outside the GPU. Names are the engines' own.
#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names offloading_backends() {
  return {"native", "lmcache"};
}
Names connectors() {
  return {"hand_over", "tiers"};
}
Names write_policies() {
  return {"write_through", "write_through_selective", "write_back"};
}
Names io_backends() {
  return {"kernel", "direct"};
}
Names prefetch_policies() {
  return {"best_effort", "wait_complete", "timeout"};
}
Names preemption_modes() {
  return {"recompute", "swap"};
}
constexpr Field kKvOffloadRows[] = {
    {"engine.kv_offloading_size", K::number, "0",
     "vllm-v1: GiB of host memory for KV caches, of all TP ranks together; 0 = none.", 0, 1e6},
    {"engine.kv_offloading_backend",
     K::choice,
     "native",
     "Who offloads: vLLM's own connector loads beside the steps, LMCache within them.",
     0,
     0,
     {},
     offloading_backends},
    {"engine.kv_connector_extra_config", K::map, "", "Of kv_offloading_size, by vLLM's and LMCache's names."},
    {"engine.kv_connector_extra_config.offload_prompt_only", K::flag, "false",
     "native: what was decoded is not stored."},
    {"engine.kv_connector_extra_config.chunk_size", K::integer, "256", "lmcache: tokens that are stored as one.", 1,
     kMaxTokensField},
    {"engine.kv_connector_extra_config.use_layerwise", K::flag, "false",
     "lmcache: loads and stores run under the step, layer by layer."},
    {"engine.kv_connector_extra_config.asked_first",
     K::choice,
     "hand_over",
     "In a pool of role decode: which of MultiConnector's connectors stands first, the one that fetches prompts from "
     "their pool or that of host memory. The first that has tokens of a prompt brings them; what it lacks is computed.",
     0,
     0,
     {},
     connectors},
    {"engine.enable_hierarchical_cache", K::flag, "false", "sglang: HiCache, a radix cache in host memory too."},
    {"engine.hicache_ratio", K::number, "2", "sglang: host memory for KV caches as a multiple of the GPU's.", 1e-3,
     1e6},
    {"engine.hicache_size", K::number, "0", "sglang: the same in GB for each GPU; 0 = hicache_ratio.", 0, 1e6},
    {"engine.hicache_write_policy",
     K::choice,
     "write_through",
     "sglang: when a page goes to host memory: computed, found a second time, or driven from the GPU.",
     0,
     0,
     {},
     write_policies},
    {"engine.hicache_io_backend",
     K::choice,
     "kernel",
     "sglang: copies by a kernel, or by a call for each page and layer (hardware.per_host_copy).",
     0,
     0,
     {},
     io_backends},
    {"engine.hicache_storage_prefetch_policy",
     K::choice,
     "timeout",
     "sglang: what a queued request waits for of what is fetched for it from disk or a remote store.",
     0,
     0,
     {},
     prefetch_policies},
    {"engine.kv_disk", K::map, "", "A disk behind the host memory that kv_offloading_size or HiCache uses."},
    {"engine.kv_disk.size", K::quantity, "", "For KV caches of one replica.", 1, 1e18, Dimension::bytes},
    {"engine.kv_disk.read_bandwidth", K::quantity, "6.5 GB/s", "Of one replica.", 1, 1e14, Dimension::bandwidth},
    {"engine.kv_disk.write_bandwidth", K::quantity, "3 GB/s", "The same (a guess).", 1, 1e14, Dimension::bandwidth},
    {"engine.kv_disk.latency", K::quantity, "100 us", "Of each read and write (a guess).", 0, 100},
    {"engine.kv_remote", K::map, "", "A remote store behind host memory, and behind the disk."},
    {"engine.kv_remote.size", K::quantity, "", "For KV caches of one replica, or of all that share it.", 1, 1e18,
     Dimension::bytes},
    {"engine.kv_remote.shared", K::flag, "false",
     "One store for all replicas (Mooncake Store, LMCache's server): they find what others have stored."},
    {"engine.kv_remote.name", K::text, "",
     "shared, in pools: those that give their store the same name have one together, and find each other's."},
    {"engine.kv_remote.store_bandwidth", K::quantity, "",
     "shared: of the store, for all replicas together, in each direction; else as fast as they are.", 1, 1e14,
     Dimension::bandwidth},
    {"engine.kv_remote.read_bandwidth", K::quantity, "(0.75 of hardware.scale_out_link x GPUs)", "Of one replica.", 1,
     1e14, Dimension::bandwidth},
    {"engine.kv_remote.write_bandwidth", K::quantity, "(as read_bandwidth)", "The same.", 1, 1e14,
     Dimension::bandwidth},
    {"engine.kv_remote.latency", K::quantity, "500 us", "Of each read and write.", 0, 100},
    {"engine.swap_space", K::number, "4", "vllm-v0, preemption_mode: swap: GiB of host memory for each GPU.", 0, 1e6},
    {"engine.preemption_mode",
     K::choice,
     "recompute",
     "vllm-v0: what becomes of a preempted request's KV cache.",
     0,
     0,
     {},
     preemption_modes},

    {"hardware.host_bandwidth", K::quantity, "(as measured on the GPU's host link, else 0.78 of it)",
     "Large copies between a GPU and its host, one direction alone; KV tiers and swapping only.", 1, 1e14,
     Dimension::bandwidth},
    {"hardware.host_bandwidth_both", K::quantity, "(as measured, else 1.67 x host_bandwidth)",
     "The same in both directions together.", 1, 1e14, Dimension::bandwidth},
    {"hardware.per_host_copy", K::quantity, "2.3 us",
     "One call to copy between a GPU and its host: what copies of small pieces take at least.", 0, 1},
};

}  // namespace

std::span<const Field> kv_offload_fields() {
  return kKvOffloadRows;
}

}  // namespace foretoken
