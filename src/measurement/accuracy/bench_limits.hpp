// What `trtllm-bench throughput` sets where it is not told: the engine's limits on requests and tokens.
#pragma once

#include <cstdint>
#include <string_view>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

struct BenchLimits {
  std::int64_t requests = 0;  // max_batch_size, of one micro-batch of one rank
  std::int64_t tokens = 0;    // max_num_tokens, of the same
};
// The rule of NVIDIA/TensorRT-LLM:tensorrt_llm/bench/build/tuning.py for requests of equal lengths. Its ranks of
// attention are those of tensor parallelism.
[[nodiscard]] BenchLimits bench_limits(const Deployment& deployment, std::int64_t prompt, std::int64_t output);

}  // namespace foretoken
