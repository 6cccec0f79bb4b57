// What an architecture implies without a key in its config.json.
#pragma once

#include <string_view>

namespace foretoken {

struct HfTraits {
  std::string_view model_type;
  int mlp_matrices = 3;   // 3 = gated
  bool tied = false;      // tie_word_embeddings when the key is absent
  bool qkv_bias = false;  // when no bias key is present
  bool learned_positions = false;
  bool mlp_is_4_hidden = false;       // no MLP width key needed
  int sliding_pattern = 0;            // with a window: every n-th layer is full attention; 0 = all slide
  bool shared_expert_is_mlp = false;  // one shared expert of the routed experts' width (Llama 4)
  int intermediate_divisor = 1;       // Qwen v1 states twice the width
  bool routing_bias = false;          // experts kept equally busy by a bias (e_score_correction_bias)
  bool router_float32 = false;        // its product is in 32 bits
};

// The row of `model_type`; the plain Llama block when it is not listed.
[[nodiscard]] const HfTraits& hf_traits(std::string_view model_type);
// Types that have no decoder-only transformer to simulate (encoders, pure recurrent models).
[[nodiscard]] bool is_not_a_decoder(std::string_view model_type);

}  // namespace foretoken
