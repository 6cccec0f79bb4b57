// Builds a ModelSpec from a Hugging Face config.json: which object to read, what
// kind of model it is, and the fields that every architecture has.
#include "model/hf_config.hpp"

#include <fmt/format.h>

#include "model/hf_parts.hpp"

namespace foretoken {
namespace {

// Multimodal models keep the language model's fields in an object of their own.
constexpr std::string_view nested_keys[] = {"text_config", "llm_config", "language_config"};

std::string_view nested_key(const Json& config) {
  for (std::string_view key : nested_keys) {
    if (config[key].if_object() != nullptr) return key;
  }
  return {};
}

std::string first_architecture(const Json& config) {
  if (const Json::Array* list = config["architectures"].if_array(); list != nullptr && !list->empty()) {
    if (const std::string* name = list->front().if_string()) return *name;
  }
  return {};
}

// "meta-llama/Llama-3.1-8B" → hub id and "Llama-3.1-8B"; a local folder has no hub id.
void read_name(const Json& config, ModelSpec& model) {
  const std::string* name = config["_name_or_path"].if_string();
  if (name == nullptr || name->empty()) return;
  const std::size_t slash = name->rfind('/');
  model.id = slash == std::string::npos ? *name : name->substr(slash + 1);
  const bool hub_id = slash != std::string::npos && slash > 0 && slash + 1 < name->size() && name->front() != '.' &&
                      name->front() != '/' && name->find('/') == slash;
  if (hub_id) model.hf_id = *name;
}

void read_common(HfFields& root, HfFields& text, const HfTraits& traits, ModelSpec& model) {
  model.hidden_size = text.required_count({"hidden_size", "n_embd", "d_model"}, max_width, "width of the residual");
  model.layers = text.required_count({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, max_layers,
                                     "number of decoder layers");
  model.vocab_size = text.required_count({"vocab_size", "padded_vocab_size"}, max_vocabulary, "size of the vocabulary");
  model.max_position_embeddings =
      text.count({"max_position_embeddings", "n_positions", "seq_length", "max_seq_len", "max_sequence_length"},
                 max_positions)
          .value_or(0);
  const std::optional<bool> tied = text.flag({"tie_word_embeddings"});
  model.tie_word_embeddings = tied ? *tied : root.flag({"tie_word_embeddings"}).value_or(traits.tied);
  if (traits.learned_positions) {
    // OPT keeps two more rows than it has positions.
    const int rows = model.max_position_embeddings + (traits.model_type == "opt" ? 2 : 0);
    model.extra_parameters = static_cast<double>(rows) * model.hidden_size;
  }
}

}  // namespace

Result<ModelSpec> model_from_hf_config(const Json& config, const std::string& origin) {
  Diagnostics diagnostics;
  const SourceLocation where{.file = origin, .line = 0, .column = 0};
  if (config.if_object() == nullptr) {
    diagnostics.error(where, "a model's config.json must be a JSON object", "expected {\"model_type\": ..., ...}");
    return diagnostics;
  }
  const std::string_view nested = nested_key(config);
  const Json& text_object = nested.empty() ? config : config[nested];
  HfFields root(config, "", origin, diagnostics);
  HfFields text(text_object, nested.empty() ? "" : std::string(nested) + ".", origin, diagnostics);

  ModelSpec model;
  read_name(config, model);
  model.architecture = first_architecture(config);
  if (model.architecture.empty()) model.architecture = first_architecture(text_object);
  std::optional<std::string> type = text.text({"model_type"});
  if (!type) type = root.text({"model_type"});
  if (!type && model.architecture.empty()) {
    diagnostics.error(where, "neither `model_type` nor `architectures` says what kind of model this is",
                      "a Llama-like model has \"model_type\": \"llama\"");
  }
  const std::string model_type = type.value_or("");
  const std::optional<bool> encoder_decoder = root.flag({"is_encoder_decoder"});
  if (is_not_a_decoder(model_type) || encoder_decoder.value_or(false)) {
    diagnostics.error(where,
                      fmt::format("`{}` is not a decoder-only transformer; only those can be simulated", model_type));
    return diagnostics;
  }

  const HfTraits& traits = hf_traits(model_type);
  read_common(root, text, traits, model);
  read_attention(text, traits, model);
  read_mlp(text, traits, model);
  read_layer_kinds(text, traits, model);
  read_weight_format(root, text, model);
  if (diagnostics.has_errors()) return diagnostics;
  model.sources.push_back(origin);
  return model;
}

}  // namespace foretoken
