// Which definition of TPOT a result shows (they differ between tools).
#pragma once

#include <string_view>

namespace foretoken {

enum class TpotConvention {
  per_output_token,  // (finish - first token) / N: E2E = TTFT + TPOT * N
  vllm,              // (finish - first token) / (N - 1), the benchmark convention
};
[[nodiscard]] constexpr std::string_view to_string(TpotConvention c) {
  return c == TpotConvention::vllm ? "vllm" : "per_output_token";
}

}  // namespace foretoken
