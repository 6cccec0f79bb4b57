// The table of engines: one row each. Only this function is defined here, so that a test can bring a table of its own.
#include <array>

#include "serving/engines/engine_profile.hpp"

namespace foretoken {

std::span<const EngineProfile> engine_profiles() {
  static const std::array kRows{vllm_v1_profile(),      vllm_v0_profile(), sglang_profile(),
                                tensorrt_llm_profile(), orca_profile(),    static_batching_profile()};
  return kRows;
}

}  // namespace foretoken
