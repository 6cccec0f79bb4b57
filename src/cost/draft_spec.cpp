// What drafts for a model (src/cost/README.md, "Drafting").
#include <algorithm>

#include "cost/levels/engine_costs.hpp"
#include "foretoken/cost/deployment.hpp"

namespace foretoken {
namespace {

constexpr int kEagle3Vocabulary = 32000;  // of its heads; d2t maps them to the target's
// Of the heads that amazon published for GPT-OSS and Qwen3-Coder (vLLM blog, 2026-03-13).
constexpr int kParallelEagleLayers = 4;

// One layer as the model's own last one.
ModelSpec one_layer_of(const ModelSpec& target) {
  ModelSpec m = target;
  m.layers = m.full_attention_layers = m.mlp_layers = 1;
  m.sliding_layers = m.sliding_window = 0;
  m.recurrent = {};
  m.moe.first_dense_layers = 0;
  m.moe.layer_step = 1;
  m.extra_parameters = 0;
  return m;
}

// The published heads are layers of Llama's kind, whatever the target is (SafeAILab/EAGLE, configs). Where the target
// has no dense MLP, or no keys and values per head, the sizes are a guess.
ModelSpec dense_layer_of(const ModelSpec& target) {
  ModelSpec m = one_layer_of(target);
  m.moe = {};
  m.sparse = {};
  m.mlp_matrices = 3;
  m.qk_norm = QkNorm::none;
  m.attention_output_gate = false;
  if (m.intermediate_size <= 0) m.intermediate_size = 4 * m.hidden_size;
  if (m.attention == AttentionKind::latent) {
    m.attention = AttentionKind::grouped_query;
    m.latent = {};
    m.kv_heads = std::min(8, m.heads);
    m.head_dim = 128;
  }
  return m;
}

}  // namespace

std::string_view to_string(DraftMethod method) {
  constexpr std::string_view kNames[] = {"none", "ngram", "suffix", "draft_model", "medusa", "eagle", "eagle3", "mtp"};
  return kNames[static_cast<std::size_t>(method)];
}

DraftSpec draft_spec(DraftMethod method, const ModelSpec& target, WeightFormat format, int tokens,
                     const std::string& engine_name, const std::string& engine_version) {
  DraftSpec d;
  d.method = method;
  d.tokens = tokens;
  const EngineCosts& costs = engine_costs(engine_name);
  const DraftHost host = costs.draft_host != nullptr ? costs.draft_host(engine_version) : DraftHost{0.1e-3, 0.08e-3};
  switch (method) {
    case DraftMethod::none:
      return {};
    case DraftMethod::ngram:
    case DraftMethod::suffix:
      d.host_per_step = host.on_cpu;
      return d;
    case DraftMethod::medusa:
      d.passes = 1;
      d.model = target;
      d.model.layers = 0;
      d.own_tables = true;
      break;
    case DraftMethod::eagle:
      d.model = dense_layer_of(target);
      d.fused_inputs = 2;
      break;
    case DraftMethod::eagle3:
      d.model = dense_layer_of(target);
      d.model.vocab_size = std::min(kEagle3Vocabulary, target.vocab_size);
      d.fused_inputs = 3;
      d.fuses_once = true;
      d.own_tables = true;
      break;
    case DraftMethod::mtp:
      d.model = one_layer_of(target);
      d.format = format;
      d.fused_inputs = 2;
      break;
    case DraftMethod::draft_model:
      d.own_tables = true;
      break;
  }
  if (method != DraftMethod::medusa) d.passes = tokens;
  d.host_per_step = host.per_step;
  d.host_per_pass = host.per_pass;
  return d;
}

DraftSpec in_parallel(DraftSpec draft) {
  draft.parallel = true;
  draft.passes = 1;
  if (draft.method != DraftMethod::draft_model)
    draft.model.layers = draft.model.full_attention_layers = draft.model.mlp_layers = kParallelEagleLayers;
  return draft;
}

}  // namespace foretoken
