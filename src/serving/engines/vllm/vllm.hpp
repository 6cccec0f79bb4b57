// Parts of vLLM's two engines.
#pragma once

#include "serving/engines/engine_profile.hpp"

namespace foretoken {

// vllm serve.
[[nodiscard]] std::string vllm_launch_line(const LaunchRequest& launch);
// vLLM's name of what it quantises or unpacks itself; empty: only a checkpoint can bring the format.
[[nodiscard]] std::string vllm_quantization(std::string_view quantization);
// The rank of the smallest load, as last reported and with what was sent since (src/serving/README.md, "Ranks").
[[nodiscard]] std::unique_ptr<RankBalance> make_vllm_balance(const EngineConfig& engine);

}  // namespace foretoken
