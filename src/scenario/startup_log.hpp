// The KV cache that an engine's start-up log names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace foretoken {

struct LoggedCache {
  std::int64_t value = 0;
  bool in_tokens = false;  // else blocks
};

// vLLM V1 "GPU KV cache size: 62,336 tokens", vLLM V0 "# GPU blocks: 3896, # CPU blocks: 512" and
// "num_gpu_blocks=3896" (also "num_gpu_blocks is: "), SGLang "max_total_num_tokens=423321". Nothing when the
// line says none of them, or no positive number.
[[nodiscard]] std::optional<LoggedCache> cache_of_log_line(std::string_view line);

}  // namespace foretoken
