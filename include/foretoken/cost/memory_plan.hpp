// Where the memory of one GPU goes, the way the engine plans it, and how many KV
// blocks remain (src/cost/README.md, "Memory plan").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "foretoken/cost/deployment.hpp"
#include "foretoken/cost/kv_layout.hpp"

namespace foretoken {

// What the engine's settings contribute; every derived term can be overridden.
struct MemorySettings {
  double gpu_memory_utilization = 0.9;  // of total memory
  std::int64_t max_num_batched_tokens = 8192;
  std::int64_t max_num_seqs = 256;
  std::int64_t max_model_len = 8192;
  int block_size = 16;
  KvLayout layout;  // of blocks
  std::optional<std::int64_t> num_gpu_blocks_override;
  std::optional<ByteCount> activation_bytes;  // instead of the derived peak
  std::optional<ByteCount> cuda_graph_bytes;  // default: 0 before vLLM 0.21, 1 GiB after
  std::optional<ByteCount> non_torch_bytes;   // context, NCCL, workspaces
  bool reserve_null_block = true;             // vLLM keeps one block back
  bool operator==(const MemorySettings&) const = default;
};

// One (the fullest) GPU of a replica.
struct MemoryPlan {
  ByteCount capacity;
  ByteCount budget;   // capacity * gpu_memory_utilization
  ByteCount weights;  // the drafter's too
  ByteCount drafter;
  ByteCount adapters;     // slots of LoRA adapters, used or not
  ByteCount activations;  // peak at max_num_batched_tokens
  ByteCount cuda_graphs;
  ByteCount non_torch;
  ByteCount kv_cache;               // what remains; negative when nothing does
  double kv_bytes_per_token = 0;    // on this GPU
  double block_bytes = 0;           // of a KV block on this GPU
  std::int64_t num_gpu_blocks = 0;  // as the engine logs it
  std::int64_t usable_blocks = 0;   // without the null block
  // As the engine logs it: num_gpu_blocks * block_size, or with groups of layers concurrency * max_model_len.
  std::int64_t kv_cache_size_tokens = 0;
  double kv_cache_max_concurrency = 0;  // tokens / max_model_len
  std::int64_t most_states = 0;         // sequences whose recurrent state has room; 0 = the model has none
  bool fits = false;                    // at least one request of max_model_len, and weights, fit
  std::string verdict;                  // a sentence with the numbers when it does not fit
};

[[nodiscard]] MemoryPlan plan_memory(const Deployment& deployment, const MemorySettings& settings);

}  // namespace foretoken
