// What a number format of the KV cache does to the attention kernels (src/cost/README.md, "KV formats").
#pragma once

#include <string_view>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

// Against the same kernels with a cache of 16 bits.
struct KvKernels {
  // Queries in the cache's own format, where the kernel multiplies in it.
  enum class Queries {
    wide,   // stay in 16 bits
    fused,  // turned by the kernel before it
    alone,  // by a kernel of their own
  };
  double rate = 1;     // at which decode attention reads a byte of the cache
  double prefill = 1;  // time of prefill attention
  Queries queries = Queries::wide;
};

// generation: gpu_generation() of the GPU.
[[nodiscard]] KvKernels kv_kernels(KvFormat format, std::string_view generation, int head_size);

}  // namespace foretoken
