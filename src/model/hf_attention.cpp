// Heads, latent attention and which layers look back how far.
#include <fmt/format.h>

#include <algorithm>

#include "model/hf_parts.hpp"

namespace foretoken {
namespace {

// DeepSeek-V3.2, GLM-5: an indexer picks the tokens that attention reads. Its query and
// key projections, head weights and key norm are weights that the latent shape lacks.
void read_indexer(HfFields& fields, ModelSpec& model) {
  const double heads = fields.count({"index_n_heads"}, max_heads, true).value_or(0);
  const double head_dim = fields.count({"index_head_dim"}, max_width, true).value_or(0);
  if (heads == 0 || head_dim == 0) return;
  const double queries = model.latent.q_lora_rank > 0 ? model.latent.q_lora_rank : model.hidden_size;
  const double per_layer = queries * heads * head_dim + model.hidden_size * (head_dim + heads) + 2 * head_dim;
  model.extra_parameters += model.layers * per_layer;
}

void read_latent(HfFields& fields, ModelSpec& model) {
  model.attention = AttentionKind::latent;
  LatentAttentionSpec& latent = model.latent;
  latent.kv_lora_rank = fields.required_count({"kv_lora_rank"}, max_width, "width of the cached latent");
  latent.q_lora_rank = fields.count({"q_lora_rank"}, max_width, true).value_or(0);
  latent.nope_head_dim = fields.required_count({"qk_nope_head_dim"}, max_width, "head size without RoPE");
  latent.rope_head_dim = fields.required_count({"qk_rope_head_dim"}, max_width, "head size with RoPE");
  latent.v_head_dim = fields.required_count({"v_head_dim"}, max_width, "size of a value head");
  model.kv_heads = model.heads;
  model.head_dim = latent.nope_head_dim + latent.rope_head_dim;
  read_indexer(fields, model);
}

// Falcon: num_kv_heads counts only in the new decoder architecture, older ones share one head.
int kv_heads(HfFields& fields, const HfTraits& traits, int heads) {
  const std::optional<int> stated = fields.count(
      {"num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "num_query_groups"}, max_heads);
  const std::optional<bool> multi_query = fields.flag({"multi_query", "multi_query_attention"});
  const bool falcon = traits.model_type == "falcon";
  const bool shares_one_head = multi_query.value_or(falcon || traits.model_type == "gpt_bigcode");
  if (falcon && !fields.flag({"new_decoder_architecture"}).value_or(false)) return shares_one_head ? 1 : heads;
  if (stated) return *stated;
  return shares_one_head && !falcon ? 1 : heads;
}

std::optional<bool> bias_flag(HfFields& fields) {
  return fields.flag({"attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias", "use_bias", "enable_bias", "bias"});
}

// Every `pattern`-th layer is full attention, the others slide; 0 = all slide.
void split_by_pattern(int pattern, ModelSpec& model) {
  model.full_attention_layers = pattern > 0 ? model.layers / pattern : 0;
  model.sliding_layers = model.layers - model.full_attention_layers;
}

int count_text(const Json::Array& list, std::string_view word) {
  return static_cast<int>(std::count_if(list.begin(), list.end(), [&](const Json& entry) {
    const std::string* text = entry.if_string();
    return text != nullptr && *text == word;
  }));
}

// One entry per layer, as transformers writes since 4.53.
void read_layer_types(HfFields& fields, const Json::Array& types, ModelSpec& model) {
  const int full = count_text(types, "full_attention") + count_text(types, "attention");
  const int sliding = count_text(types, "sliding_attention") + count_text(types, "chunked_attention");
  const int linear = count_text(types, "linear_attention");
  const int known = full + sliding + linear;
  if (known != static_cast<int>(types.size())) {
    fields.error("layer_types", "has an entry that is not known",
                 "allowed: full_attention, sliding_attention, chunked_attention, linear_attention");
  } else if (known != model.layers && model.layers > 0) {
    fields.error("layer_types", fmt::format("has {} entries for {} layers", known, model.layers));
  }
  model.full_attention_layers = full;
  model.sliding_layers = sliding;
  if (linear > 0) read_delta_net(fields, linear, model);
}

bool is_delta_hybrid(HfFields& fields) {
  return fields.has({"linear_num_value_heads"});
}

// Llama 4: 1 = RoPE and chunked attention, 0 = no RoPE and full attention.
bool read_no_rope_layers(HfFields& fields, ModelSpec& model) {
  const Json::Array* list = fields.raw({"no_rope_layers"}).if_array();
  if (list == nullptr || list->empty()) return false;
  const auto full = std::count_if(list->begin(), list->end(), [](const Json& entry) {
    const std::int64_t* flag = entry.if_int();
    return flag != nullptr && *flag == 0;
  });
  if (static_cast<int>(list->size()) != model.layers && model.layers > 0) {
    fields.error("no_rope_layers", fmt::format("has {} entries for {} layers", list->size(), model.layers));
  }
  model.full_attention_layers = static_cast<int>(full);
  model.sliding_layers = static_cast<int>(list->size()) - model.full_attention_layers;
  return true;
}

void read_window(HfFields& fields, const HfTraits& traits, ModelSpec& model) {
  const std::optional<int> pattern = fields.count({"sliding_window_pattern", "_sliding_window_pattern"}, max_layers);
  if (read_no_rope_layers(fields, model)) return;
  // Qwen2: the layers from max_window_layers on slide.
  const std::optional<int> first_sliding = fields.count({"max_window_layers"}, max_layers, true);
  const std::optional<bool> use = fields.flag({"use_sliding_window"});
  if (use.value_or(false) && first_sliding) {
    model.full_attention_layers = std::min(*first_sliding, model.layers);
    model.sliding_layers = model.layers - model.full_attention_layers;
    return;
  }
  split_by_pattern(pattern.value_or(traits.sliding_pattern), model);
}

}  // namespace

void read_attention(HfFields& fields, const HfTraits& traits, ModelSpec& model) {
  model.heads = fields.required_count({"num_attention_heads", "n_head", "n_heads", "num_heads"}, max_heads,
                                      "number of query heads");
  model.qkv_bias = bias_flag(fields).value_or(traits.qkv_bias);
  if (fields.has({"kv_lora_rank"})) {
    read_latent(fields, model);
    return;
  }
  model.kv_heads = kv_heads(fields, traits, model.heads);
  if (model.heads > 0 && model.kv_heads > 0 && model.heads % model.kv_heads != 0) {
    fields.error("num_key_value_heads", fmt::format("must divide num_attention_heads: {} query heads, {} KV heads",
                                                    model.heads, model.kv_heads));
  }
  const std::optional<int> head_dim = fields.count({"head_dim", "kv_channels", "attention_head_dim"}, max_width);
  if (head_dim) {
    model.head_dim = *head_dim;
  } else if (traits.model_type == "gemma") {
    model.head_dim = 256;
  } else if (model.heads > 0 && model.hidden_size > 0) {
    if (model.hidden_size % model.heads != 0) {
      fields.error("head_dim", fmt::format("is missing and hidden_size {} is not a multiple of {} heads",
                                           model.hidden_size, model.heads));
    }
    model.head_dim = model.hidden_size / model.heads;
  }
}

void read_layer_kinds(HfFields& fields, const HfTraits& traits, ModelSpec& model) {
  if (fields.has({"hybrid_override_pattern"})) {
    read_nemotron_hybrid(fields, model);
    return;
  }
  if (const Json& linear = fields.raw({"linear_attn_config"}); linear.if_object() != nullptr) {
    read_kimi_delta(fields, linear, model);
    return;
  }
  const std::optional<int> window =
      fields.count({"sliding_window", "sliding_window_size", "attention_chunk_size"}, max_positions);
  const bool window_used = window && fields.flag({"use_sliding_window"}).value_or(true) &&
                           (model.max_position_embeddings == 0 || *window < model.max_position_embeddings);
  if (const Json::Array* types = fields.raw({"layer_types"}).if_array()) {
    read_layer_types(fields, *types, model);
    if (model.sliding_layers > 0 && !window) {
      fields.error("sliding_window", fmt::format("is missing for {} sliding layers", model.sliding_layers));
    }
  } else if (is_delta_hybrid(fields)) {
    const int interval = fields.count({"full_attention_interval"}, max_layers).value_or(4);
    model.full_attention_layers = model.layers / interval;
    read_delta_net(fields, model.layers - model.full_attention_layers, model);
  } else if (window_used) {
    read_window(fields, traits, model);
  } else {
    model.full_attention_layers = model.layers;
  }
  if (model.sliding_layers > 0) model.sliding_window = window.value_or(0);
}

}  // namespace foretoken
