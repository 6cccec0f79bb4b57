// The keys of GPU, model and link files, and what must hold between them.
#include "scenario/catalog_entries.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "scenario/catalog_fields.hpp"

namespace foretoken {
namespace {

// Far beyond any device, so that a slip of a prefix or an exponent is noticed.
constexpr double max_compute_rate = 1e18;
constexpr double max_bandwidth = 1e15;
constexpr double max_capacity = 1e14;
constexpr double max_power = 1e6;
constexpr double max_latency = 1;
constexpr double min_price = 1e-4;
constexpr int max_width = 1 << 20;
constexpr int max_layers = 10'000;
constexpr int max_heads = 1 << 16;
constexpr int max_vocabulary = 1 << 26;
constexpr int max_positions = 1 << 30;
constexpr double max_parameters = 1e15;

template <class Q>
Q required(CatalogFields& fields, std::string_view key, Dimension dimension, double most) {
  const std::optional<double> value = fields.quantity(key, dimension, most);
  if (!value && !fields.has(key)) fields.missing(key, std::string(allowed_units(dimension)));
  return Q{value.value_or(0)};
}

template <class Q>
std::optional<Q> optional(CatalogFields& fields, std::string_view key, Dimension dimension, double most) {
  const std::optional<double> value = fields.quantity(key, dimension, most);
  return value ? std::optional(Q{*value}) : std::nullopt;
}

int required_count(CatalogFields& fields, std::string_view key, int most) {
  const std::optional<int> value = fields.count(key, 1, most);
  if (!value && !fields.has(key)) fields.missing(key, "a whole number");
  return value.value_or(0);
}

void read_sources(CatalogFields& fields, std::vector<std::string>& sources) {
  sources = fields.texts("sources");
  if (fields.is_inline()) return;  // the scenario is the source
  if (!fields.has("sources")) {
    fields.missing("sources", "a list of where the figures come from");
  } else if (sources.empty()) {
    fields.error("sources", "`sources` must name at least one source");
  }
}

void read_peaks(CatalogFields peak, GpuSpec& gpu) {
  gpu.peak_bf16 = required<ComputeRate>(peak, "bf16", Dimension::compute_rate, max_compute_rate);
  gpu.peak_fp8 = optional<ComputeRate>(peak, "fp8", Dimension::compute_rate, max_compute_rate);
  gpu.peak_int8 = optional<ComputeRate>(peak, "int8", Dimension::compute_rate, max_compute_rate);
  gpu.peak_fp4 = optional<ComputeRate>(peak, "fp4", Dimension::compute_rate, max_compute_rate);
  peak.refuse_others();
}

void read_memory(CatalogFields memory, GpuSpec& gpu) {
  gpu.memory_type = memory.text("type").value_or("");
  gpu.memory_capacity = required<ByteCount>(memory, "capacity", Dimension::bytes, max_capacity);
  gpu.memory_bandwidth = optional<Bandwidth>(memory, "bandwidth", Dimension::bandwidth, max_bandwidth);
  gpu.l2_cache = optional<ByteCount>(memory, "l2_cache", Dimension::bytes, max_capacity).value_or(ByteCount{});
  memory.refuse_others();
}

LinkSpec named_link(CatalogFields& links, std::string_view key, const Catalog& catalog) {
  const std::optional<std::string> name = links.text(key);
  if (!name) return {};
  const Result<LinkSpec> link = catalog.link(*name);
  if (link) return *link;
  const Diagnostics problems = link.error();
  for (const Diagnostic& problem : problems.items()) links.error(key, problem.message, problem.hint);
  return {};
}

void read_links(CatalogFields links, const Catalog& catalog, GpuSpec& gpu) {
  gpu.host_link = named_link(links, "host", catalog);
  gpu.scale_up_link = links.has("scale_up") ? named_link(links, "scale_up", catalog) : gpu.host_link;
  gpu.scale_up_domain = links.count("scale_up_domain", 1, 1 << 20).value_or(1);
  if (links.has("scale_up") != links.has("scale_up_domain")) {
    links.error(links.has("scale_up") ? "scale_up" : "scale_up_domain",
                "scale_up (the link) and scale_up_domain (devices that share it) go together");
  }
  links.refuse_others();
}

void read_heads(CatalogFields& fields, ModelSpec& model) {
  model.heads = required_count(fields, "num_attention_heads", max_heads);
  model.qkv_bias = fields.flag("qkv_bias").value_or(false);
  model.attention_output_gate = fields.flag("output_gate").value_or(false);
  const std::string kind = fields.text("kind").value_or("gqa");
  if (kind == "mla") {
    model.attention = AttentionKind::latent;
    model.latent.q_lora_rank = fields.count("q_lora_rank", 0, max_width).value_or(0);
    model.latent.kv_lora_rank = required_count(fields, "kv_lora_rank", max_width);
    model.latent.nope_head_dim = required_count(fields, "qk_nope_head_dim", max_width);
    model.latent.rope_head_dim = required_count(fields, "qk_rope_head_dim", max_width);
    model.latent.v_head_dim = required_count(fields, "v_head_dim", max_width);
    if (auto sparse = fields.object("sparse")) {
      model.sparse.top_k = required_count(*sparse, "index_topk", max_positions);
      model.sparse.index_heads = required_count(*sparse, "index_n_heads", max_heads);
      model.sparse.index_head_dim = required_count(*sparse, "index_head_dim", max_width);
      sparse->refuse_others();
    }
    model.kv_heads = model.heads;
    model.head_dim = model.latent.nope_head_dim + model.latent.rope_head_dim;
    return;
  }
  if (kind != "gqa")
    fields.error("kind", fmt::format("`kind` must be gqa or mla, is `{}`", kind), "MHA and MQA are gqa");
  model.kv_heads = fields.count("num_key_value_heads", 1, max_heads).value_or(model.heads);
  model.head_dim = required_count(fields, "head_dim", max_width);
  if (model.heads > 0 && model.kv_heads > 0 && model.heads % model.kv_heads != 0) {
    fields.error("num_key_value_heads",
                 fmt::format("`num_key_value_heads` must divide num_attention_heads: {} query heads, {} KV heads",
                             model.heads, model.kv_heads));
  }
}

void read_attention(CatalogFields fields, ModelSpec& model) {
  read_heads(fields, model);
  if (const auto norm = fields.text("qk_norm")) {
    model.qk_norm = *norm == "full" ? QkNorm::full : QkNorm::head;
    if (*norm != "full" && *norm != "head")
      fields.error("qk_norm", fmt::format("`qk_norm` must be head or full, is `{}`", *norm),
                   "leave it out where queries and keys are not normalised");
  }
  model.sliding_window = fields.count("sliding_window", 1, max_positions).value_or(0);
  model.sliding_layers = fields.count("sliding_layers", 0, max_layers).value_or(0);
  if (model.sliding_layers > 0 && model.sliding_window == 0) {
    fields.missing("sliding_window", "tokens that the sliding layers look back");
  }
  model.full_attention_layers =
      fields.count("full_attention_layers", 0, max_layers).value_or(std::max(0, model.layers - model.sliding_layers));
  if (model.layers > 0 && model.sliding_layers + model.full_attention_layers > model.layers) {
    fields.error(fields.has("sliding_layers") ? "sliding_layers" : "full_attention_layers",
                 fmt::format("sliding and full attention layers are {}, more than the {} layers",
                             model.sliding_layers + model.full_attention_layers, model.layers));
  }
  fields.refuse_others();
}

void read_mlp(CatalogFields fields, ModelSpec& model) {
  model.intermediate_size = required_count(fields, "intermediate_size", max_width);
  model.mlp_matrices = fields.count("matrices", 2, 3).value_or(3);
  model.mlp_layers = fields.count("layers", 1, max_layers).value_or(0);
  fields.refuse_others();
}

void read_moe(CatalogFields fields, ModelSpec& model) {
  MoeSpec& moe = model.moe;
  moe.experts = required_count(fields, "num_experts", max_heads);
  moe.active_experts = required_count(fields, "num_experts_per_tok", max_heads);
  moe.expert_width = required_count(fields, "moe_intermediate_size", max_width);
  moe.shared_width = fields.count("shared_expert_intermediate_size", 0, max_width).value_or(0);
  moe.first_dense_layers = fields.count("first_k_dense_replace", 0, max_layers).value_or(0);
  moe.layer_step = fields.count("layer_step", 1, max_layers).value_or(1);
  moe.latent_width = fields.count("latent_width", 0, max_width).value_or(0);
  moe.routing_bias = fields.flag("routing_bias").value_or(false);
  moe.router_float32 = fields.flag("router_float32").value_or(false);
  if (moe.active_experts > moe.experts) {
    fields.error("num_experts_per_tok",
                 fmt::format("`num_experts_per_tok` is {}, more than the {} experts", moe.active_experts, moe.experts));
  }
  if (moe.first_dense_layers > model.layers) {
    fields.error("first_k_dense_replace", fmt::format("`first_k_dense_replace` gives {} dense layers of {}",
                                                      moe.first_dense_layers, model.layers));
  }
  fields.refuse_others();
}

void read_recurrent(CatalogFields fields, ModelSpec& model) {
  model.recurrent.layers = required_count(fields, "layers", max_layers);
  model.recurrent.parameters = fields.number("parameters", 0, max_parameters).value_or(0);
  model.recurrent.state_bytes = fields.number("state_bytes_per_sequence", 0, max_capacity).value_or(0);
  RecurrentSpec& r = model.recurrent;
  for (const auto& [key, value] : {std::pair("key_heads", &r.key_heads), std::pair("value_heads", &r.value_heads)})
    *value = fields.count(key, 1, max_heads).value_or(0);
  for (const auto& [key, value] :
       {std::pair("key_head_dim", &r.key_head_dim), std::pair("value_head_dim", &r.value_head_dim)})
    *value = fields.count(key, 1, max_width).value_or(0);
  r.gates = fields.count("gates", 0, max_width).value_or(2);
  const bool some = r.key_heads > 0 || r.value_heads > 0 || r.key_head_dim > 0 || r.value_head_dim > 0;
  const bool all = r.key_heads > 0 && r.value_heads > 0 && r.key_head_dim > 0 && r.value_head_dim > 0;
  if (some && !all)
    fields.error("value_heads", "key_heads, value_heads, key_head_dim and value_head_dim belong together");
  fields.refuse_others();
}

MediaRule media_rule_of(std::string_view name) {
  constexpr std::pair<std::string_view, MediaRule> kRules[] = {
      {"qwen_vl", MediaRule::qwen_vl},       {"llava", MediaRule::llava},
      {"llava_next", MediaRule::llava_next}, {"gemma3", MediaRule::gemma3},
      {"pixtral", MediaRule::pixtral},       {"internvl", MediaRule::internvl},
      {"llama4", MediaRule::llama4},         {"qwen2_audio", MediaRule::qwen2_audio}};
  for (const auto& [known, rule] : kRules) {
    if (known == name) return rule;
  }
  return MediaRule::none;
}

void read_encoder(CatalogFields fields, ModelSpec& model) {
  EncoderSpec& e = model.encoder;
  const std::string kind = fields.text("kind").value_or("");
  e.rule = media_rule_of(kind);
  if (e.rule == MediaRule::none)
    fields.error("kind", fmt::format("`kind` says how many tokens an image takes, is `{}`", kind),
                 "qwen_vl, llava, llava_next, gemma3, pixtral, internvl, llama4 or qwen2_audio");
  e.layers = required_count(fields, "num_hidden_layers", max_layers);
  e.hidden_size = required_count(fields, "hidden_size", max_width);
  e.heads = required_count(fields, "num_attention_heads", max_heads);
  e.intermediate_size = required_count(fields, "intermediate_size", max_width);
  e.mlp_matrices = fields.count("matrices", 2, 3).value_or(2);
  e.patch_size = fields.count("patch_size", 1, max_width).value_or(14);
  e.merge_size = fields.count("spatial_merge_size", 1, 64).value_or(1);
  e.image_size = fields.count("image_size", 1, max_width).value_or(0);
  e.max_tiles = fields.count("max_tiles", 1, max_heads).value_or(1);
  e.min_pixels = fields.number("min_pixels", 0, max_parameters).value_or(0);
  e.max_pixels = fields.number("max_pixels", 0, max_parameters).value_or(0);
  e.window = fields.count("window_patches", 1, max_positions).value_or(0);
  e.full_layers = fields.count("full_attention_layers", 0, max_layers).value_or(0);
  const bool sized = e.rule != MediaRule::qwen_vl && e.rule != MediaRule::qwen2_audio;
  if (sized && e.image_size < e.patch_size)
    fields.error(fields.has("image_size") ? "image_size" : "kind", "`image_size` must hold a patch at least");
  if (e.heads > 0 && e.hidden_size % e.heads != 0)
    fields.error("num_attention_heads", fmt::format("{} heads do not divide the width {}", e.heads, e.hidden_size));
  fields.refuse_others();
}

void read_stated(CatalogFields fields, ModelSpec& model) {
  model.stated_total_params_b = fields.number("total_params_b", 0, max_parameters);
  model.stated_active_params_b = fields.number("active_params_b", 0, max_parameters);
  model.stated_kv_bytes_per_token = fields.number("kv_bytes_per_token_bf16", 0, max_capacity);
  fields.refuse_others();
}

void read_example_price(CatalogFields price, GpuSpec& gpu) {
  GpuHourPrices& p = gpu.example_price;
  p.on_demand = price.number("on_demand", min_price, kLargestGpuHourPrice);
  p.reserved = price.number("reserved", min_price, kLargestGpuHourPrice);
  p.spot = price.number("spot", min_price, kLargestGpuHourPrice);
  p.source = price.text("source").value_or("");
  if (p.source.empty()) price.missing("source", "who says so, such as: example, not a quote");
  price.refuse_others();
}

Result<GpuSpec> read_gpu(CatalogDocument& document, const std::string& id, const Catalog& catalog) {
  if (!document.valid()) return document.problems();
  CatalogFields fields = document.root();
  GpuSpec gpu;
  gpu.id = id;
  gpu.display_name = fields.text("name").value_or(id);
  gpu.aliases = fields.texts("aliases");
  gpu.vendor = fields.text("vendor").value_or("");
  gpu.architecture = fields.text("architecture").value_or("");
  gpu.year = fields.count("year", 1990, 2100).value_or(0);
  gpu.compute_units = fields.count("compute_units", 1, 100'000).value_or(0);
  if (auto peak = fields.required_object("peak_dense", "the dense peaks, without structured sparsity")) {
    read_peaks(*peak, gpu);
  }
  if (auto measured = fields.object("measured_matmul")) {
    gpu.measured_bf16 = optional<ComputeRate>(*measured, "bf16", Dimension::compute_rate, max_compute_rate);
    gpu.measured_fp8 = optional<ComputeRate>(*measured, "fp8", Dimension::compute_rate, max_compute_rate);
    measured->refuse_others();
  }
  if (auto memory = fields.required_object("memory", "capacity and bandwidth")) read_memory(*memory, gpu);
  if (auto links = fields.object("links")) read_links(*links, catalog, gpu);
  if (auto power = fields.object("power")) {
    gpu.tdp = optional<Power>(*power, "tdp", Dimension::power, max_power);
    gpu.idle_power = optional<Power>(*power, "idle", Dimension::power, max_power);
    gpu.idle_power_is_guess = power->flag("idle_is_guess").value_or(false);
    if (gpu.tdp && gpu.idle_power && gpu.idle_power->value > gpu.tdp->value)
      power->error("idle", "`idle` must be at most `tdp`");
    power->refuse_others();
  }
  if (auto price = fields.object("example_price")) read_example_price(*price, gpu);
  read_sources(fields, gpu.sources);
  gpu.notes = fields.text("notes").value_or("");
  fields.refuse_others();
  if (const Diagnostics problems = document.problems(); problems.has_errors()) return problems;
  return gpu;
}

Result<ModelSpec> read_model(CatalogDocument& document, const std::string& id) {
  if (!document.valid()) return document.problems();
  CatalogFields fields = document.root();
  ModelSpec model;
  model.id = id;
  if (fields.is_inline()) model.id = fields.text("name").value_or(id);
  model.aliases = fields.texts("aliases");
  model.hf_id = fields.text("hf_id").value_or("");
  model.architecture = fields.text("architecture").value_or("");
  model.hidden_size = required_count(fields, "hidden_size", max_width);
  model.layers = required_count(fields, "num_hidden_layers", max_layers);
  model.vocab_size = required_count(fields, "vocab_size", max_vocabulary);
  model.tie_word_embeddings = fields.flag("tie_word_embeddings").value_or(false);
  model.max_position_embeddings = fields.count("max_position_embeddings", 1, max_positions).value_or(0);
  model.released_weight_format = fields.text("released_weight_format").value_or("");
  if (auto attention = fields.required_object("attention", "heads and their size")) read_attention(*attention, model);
  if (auto mlp = fields.required_object("mlp", "its intermediate_size")) read_mlp(*mlp, model);
  if (auto moe = fields.object("moe")) read_moe(*moe, model);
  if (auto recurrent = fields.object("recurrent")) read_recurrent(*recurrent, model);
  if (auto encoder = fields.object("encoder")) read_encoder(*encoder, model);
  model.extra_parameters = fields.number("extra_parameters", 0, max_parameters).value_or(0);
  if (auto stated = fields.object("stated")) read_stated(*stated, model);
  read_sources(fields, model.sources);
  model.notes = fields.text("notes").value_or("");
  fields.refuse_others();
  if (const Diagnostics problems = document.problems(); problems.has_errors()) return problems;
  return model;
}

}  // namespace

Result<LinkSpec> parse_link(const Catalog::File& file) {
  CatalogDocument document(file);
  if (!document.valid()) return document.problems();
  CatalogFields fields = document.root();
  LinkSpec link;
  link.id = file.stem;
  link.aliases = fields.texts("aliases");
  link.per_direction = required<Bandwidth>(fields, "per_direction", Dimension::bandwidth, max_bandwidth);
  link.latency = required<Seconds>(fields, "latency", Dimension::time, max_latency);
  link.lanes = fields.count("lanes", 1, 1024).value_or(1);
  link.per_lane = optional<Bandwidth>(fields, "per_lane", Dimension::bandwidth, max_bandwidth)
                      .value_or(Bandwidth{link.per_direction.value / link.lanes});
  link.per_peer =
      optional<Bandwidth>(fields, "per_peer", Dimension::bandwidth, max_bandwidth).value_or(link.per_direction);
  const auto measured = [&](const char* key) -> std::optional<Bandwidth> {
    const auto value = fields.quantity(key, Dimension::bandwidth, 2 * link.per_direction.value);
    return value ? std::optional(Bandwidth{*value}) : std::nullopt;
  };
  link.measured_copy = measured("measured_copy");
  link.measured_copy_both = measured("measured_copy_both");
  std::vector<std::string> sources;
  read_sources(fields, sources);
  link.source = fmt::format("{}", fmt::join(sources, "; "));
  link.notes = fields.text("notes").value_or("");
  fields.refuse_others();
  if (const Diagnostics problems = document.problems(); problems.has_errors()) return problems;
  return link;
}

Result<GpuSpec> parse_gpu(const Catalog::File& file, const Catalog& catalog) {
  CatalogDocument document(file);
  return read_gpu(document, file.stem, catalog);
}

Result<GpuSpec> parse_inline_gpu(const YamlNode& figures, const Catalog& catalog) {
  CatalogDocument document(figures);
  return read_gpu(document, "inline", catalog);
}

Result<ModelSpec> parse_model(const Catalog::File& file) {
  CatalogDocument document(file);
  return read_model(document, file.stem);
}

Result<ModelSpec> parse_inline_model(const YamlNode& shape) {
  CatalogDocument document(shape);
  return read_model(document, "inline");
}

}  // namespace foretoken
