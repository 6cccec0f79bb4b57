// The architectures that differ from a Llama block. Source of each row: the
// defaults of the class of that name in Hugging Face transformers.
#include "model/hf_traits.hpp"

#include <algorithm>
#include <array>

namespace foretoken {
namespace {

constexpr HfTraits llama{.model_type = "llama"};

constexpr std::array architectures{
    HfTraits{.model_type = "opt",
             .mlp_matrices = 2,
             .tied = true,
             .qkv_bias = true,
             .learned_positions = true,
             .mlp_is_4_hidden = true},
    HfTraits{.model_type = "bloom", .mlp_matrices = 2, .tied = true, .qkv_bias = true, .mlp_is_4_hidden = true},
    HfTraits{.model_type = "falcon", .mlp_matrices = 2, .tied = true, .mlp_is_4_hidden = true},
    HfTraits{.model_type = "gpt2",
             .mlp_matrices = 2,
             .tied = true,
             .qkv_bias = true,
             .learned_positions = true,
             .mlp_is_4_hidden = true},
    HfTraits{.model_type = "gpt_bigcode",
             .mlp_matrices = 2,
             .tied = true,
             .qkv_bias = true,
             .learned_positions = true,
             .mlp_is_4_hidden = true},
    HfTraits{.model_type = "gptj", .mlp_matrices = 2, .mlp_is_4_hidden = true},
    HfTraits{.model_type = "gpt_neox", .mlp_matrices = 2, .qkv_bias = true},
    HfTraits{.model_type = "mpt", .mlp_matrices = 2, .tied = true, .mlp_is_4_hidden = true},
    HfTraits{.model_type = "phi", .mlp_matrices = 2, .qkv_bias = true},
    HfTraits{.model_type = "starcoder2", .mlp_matrices = 2, .tied = true, .qkv_bias = true},
    HfTraits{.model_type = "nemotron", .mlp_matrices = 2},
    HfTraits{.model_type = "nemotron_h", .mlp_matrices = 2, .routing_bias = true},
    HfTraits{.model_type = "qwen", .qkv_bias = true, .intermediate_divisor = 2},
    HfTraits{.model_type = "qwen2", .qkv_bias = true},
    HfTraits{.model_type = "qwen2_moe", .qkv_bias = true},
    HfTraits{.model_type = "qwen2_vl", .qkv_bias = true},
    HfTraits{.model_type = "qwen2_5_vl", .qkv_bias = true},
    HfTraits{.model_type = "gpt_oss", .qkv_bias = true, .sliding_pattern = 2},
    HfTraits{.model_type = "gemma", .tied = true},
    HfTraits{.model_type = "gemma2", .tied = true, .sliding_pattern = 2},
    HfTraits{.model_type = "gemma3", .tied = true, .sliding_pattern = 6},
    HfTraits{.model_type = "gemma3_text", .tied = true, .sliding_pattern = 6},
    HfTraits{.model_type = "cohere", .tied = true},
    HfTraits{.model_type = "cohere2", .tied = true, .sliding_pattern = 4},
    HfTraits{.model_type = "llama4", .sliding_pattern = 4, .shared_expert_is_mlp = true},
    HfTraits{.model_type = "llama4_text", .sliding_pattern = 4, .shared_expert_is_mlp = true},
    HfTraits{.model_type = "deepseek_v3", .routing_bias = true},
    HfTraits{.model_type = "deepseek_v32", .routing_bias = true},
    HfTraits{.model_type = "kimi_k2", .routing_bias = true},
    HfTraits{.model_type = "kimi_linear", .routing_bias = true},
    HfTraits{.model_type = "glm4_moe", .routing_bias = true, .router_float32 = true},
    HfTraits{.model_type = "glm_moe_dsa", .routing_bias = true},
    HfTraits{.model_type = "minimax_m2", .routing_bias = true, .router_float32 = true},
};

constexpr std::array<std::string_view, 16> not_decoders{
    "t5",   "mt5", "bart",       "mbart",   "pegasus", "whisper", "bert", "roberta",
    "clip", "vit", "distilbert", "electra", "mamba",   "mamba2",  "rwkv", "deberta-v2"};

}  // namespace

const HfTraits& hf_traits(std::string_view model_type) {
  const auto row = std::find_if(architectures.begin(), architectures.end(),
                                [&](const HfTraits& traits) { return traits.model_type == model_type; });
  return row == architectures.end() ? llama : *row;
}

bool is_not_a_decoder(std::string_view model_type) {
  return std::find(not_decoders.begin(), not_decoders.end(), model_type) != not_decoders.end();
}

}  // namespace foretoken
