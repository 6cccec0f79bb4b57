// What runs on what: accelerators, model, number formats, split, and how steps are priced.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/model/hf_config.hpp"
#include "scenario/build.hpp"
#include "scenario/catalog_entries.hpp"

namespace foretoken {
namespace {

// The catalog's own diagnostics, moved to where the scenario names the entry.
void report(Resolver& values, const std::string& path, const Diagnostics& problems) {
  for (const Diagnostic& d : problems.items()) {
    const bool located = d.where.line > 0;
    values.error(path, located ? fmt::format("{}:{}: {}", d.where.file, d.where.line, d.message) : d.message, d.hint);
  }
}

// An inline map goes through the catalog's own reader, as a file of one entry.
Catalog::File as_file(const YamlNode& node, const char* folder) {
  const YamlNode* name = node.find("name");
  return {folder, name != nullptr ? name->text : "inline", to_flow(node), fmt::format("{} (inline)", node.where.file)};
}

void build_gpu(Resolver& values, const Catalog& catalog, Deployment& d) {
  const YamlNode* node = values.node("hardware.gpu");
  if (node == nullptr) {
    values.error("hardware", "'hardware.gpu' is missing", "name an accelerator: `foretoken catalog gpus` lists them");
    return;
  }
  values.record_given("hardware.gpu");
  const Result<GpuSpec> gpu = node->kind == YamlNode::Kind::map ? parse_gpu(as_file(*node, "gpus"), catalog) : catalog.gpu(node->text);
  if (!gpu) { report(values, "hardware.gpu", gpu.error()); return; }
  d.gpu = *gpu;
  if (!d.gpu.memory_bandwidth) {
    values.error("hardware.gpu", fmt::format("{} has no memory bandwidth in the catalog: it cannot be simulated", d.gpu.id),
                 "give its figures inline");
  }
}

void build_node(Resolver& values, const Catalog& catalog, Deployment& d) {
  const std::int64_t per_node = std::clamp<std::int64_t>(d.gpu.scale_up_domain, 1, 8);
  d.node.gpus_per_node = static_cast<int>(values.integer("hardware.gpus_per_node", {per_node, Origin::gpu, "the GPU's scale-up domain, at most 8"}));
  const std::string name = values.text("hardware.scale_out_link", {"infiniband_ndr400"});
  const auto link = catalog.link(name);
  if (link) d.node.scale_out_link = *link;
  else report(values, "hardware.scale_out_link", link.error());
}

Result<ModelSpec> model_from_file(const std::string& path) {
  Diagnostics problems;
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, ignored)) {
    problems.error({path, 0, 0}, "cannot be read", "give the path of a config.json, or a name that `foretoken catalog models` lists");
    return problems;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto json = parse_json(text, path);
  if (!json) return json.error();
  auto model = model_from_hf_config(*json, path);
  if (model && model->id.empty()) model->id = std::filesystem::path(path).stem().string();
  return model;
}

void build_model(Resolver& values, const Catalog& catalog, Deployment& d) {
  const YamlNode* node = values.node("model");
  if (node == nullptr) {
    values.error("model", "'model' is missing", "name a model: `foretoken catalog models` lists them");
    return;
  }
  values.record_given("model");
  const bool is_map = node->kind == YamlNode::Kind::map;
  const bool is_file = !is_map && node->text.size() > 5 && node->text.substr(node->text.size() - 5) == ".json";
  const Result<ModelSpec> model = is_map    ? parse_model(as_file(*node, "models"))
                                  : is_file ? model_from_file(values.path_of("model", node->text))
                                            : catalog.model(node->text);
  if (model) d.model = *model;
  else report(values, "model", model.error());
}

struct NamedFormat {
  std::string_view name;
  WeightFormat format;
};
constexpr std::array kWeightFormats{
    NamedFormat{"none", WeightFormat::bf16},
    NamedFormat{"bfloat16", WeightFormat::bf16},
    NamedFormat{"float16", WeightFormat::bf16},
    NamedFormat{"fp8", WeightFormat::fp8},
    NamedFormat{"fp8_static", WeightFormat::fp8_static},
    NamedFormat{"fp8_block", WeightFormat::fp8_block},
    NamedFormat{"int8", WeightFormat::int8},
    NamedFormat{"int8_weight_only", WeightFormat::int8_weight_only},
    NamedFormat{"awq", WeightFormat::int4_weight_only},
    NamedFormat{"gptq", WeightFormat::int4_weight_only},
    NamedFormat{"int4", WeightFormat::int4_weight_only},
    NamedFormat{"nvfp4", WeightFormat::nvfp4},
    NamedFormat{"mxfp4", WeightFormat::mxfp4},
};

void build_formats(Resolver& values, Deployment& d) {
  values.text("engine.dtype", {"auto"});
  const std::string released = d.model.released_weight_format.empty() ? "bfloat16" : d.model.released_weight_format;
  const auto named = [](std::string_view name) {
    return std::find_if(kWeightFormats.begin(), kWeightFormats.end(), [&](const NamedFormat& f) { return f.name == name; });
  };
  const bool sixteen_bits = released == "bfloat16" || released == "float16" || named(released) == kWeightFormats.end();
  const std::string name = values.text("engine.quantization", {sixteen_bits ? "none" : released, Origin::model, "as the model was released"});
  if (const auto at = named(name); at != kWeightFormats.end()) d.dense_format = d.expert_format = at->format;
  // Released in MXFP4, gpt-oss keeps attention and the dense parts in bf16.
  if (d.dense_format == WeightFormat::mxfp4 && d.model.moe.experts > 0) d.dense_format = WeightFormat::bf16;
  const std::string kv = values.text("engine.kv_cache_dtype", {"auto"});
  if (kv.rfind("fp8", 0) == 0) d.kv_format = KvFormat::fp8;
  else if (kv == "int8") d.kv_format = KvFormat::int8;
  else if (kv == "int4") d.kv_format = KvFormat::int4;
  else if (kv == "fp4") d.kv_format = KvFormat::fp4;
}

void build_parallelism(Resolver& values, Deployment& d) {
  d.parallelism.tensor = static_cast<int>(values.integer("engine.tensor_parallel_size", {1}));
  d.parallelism.pipeline = static_cast<int>(values.integer("engine.pipeline_parallel_size", {1}));
  d.parallelism.data = static_cast<int>(values.integer("engine.data_parallel_size", {1}));
  d.parallelism.expert_parallel = values.flag("engine.enable_expert_parallel", {false});
}

// cost-model section 8: vLLM from 0.15 on.
constexpr OverheadTerms kVllmOverhead{300e-6, 0, 5e-6, 0, 1};

void build_cost(Resolver& values, Deployment& d) {
  const std::string level = values.text("cost.level", {"roofline"});
  d.level = level == "datasheet"    ? CostLevel::datasheet
            : level == "affine"     ? CostLevel::affine
            : level == "calibrated" ? CostLevel::calibrated
                                    : CostLevel::roofline;
  d.roofline.compute_efficiency = values.maybe_number("cost.compute_efficiency").value_or(0);
  d.roofline.memory_efficiency = values.maybe_number("cost.memory_efficiency").value_or(0);
  d.roofline.link_efficiency = values.maybe_number("cost.link_efficiency").value_or(0);
  const bool bare = d.level == CostLevel::datasheet || d.level == CostLevel::affine;
  const OverheadTerms base = bare ? OverheadTerms{} : kVllmOverhead;
  const Origin origin = bare ? Origin::default_value : Origin::engine_default;
  const std::string reason = bare ? "" : "vLLM 0.15 or later";
  d.overhead.per_step = values.quantity("cost.per_step", {base.per_step, origin, reason});
  d.overhead.per_layer = values.quantity("cost.per_layer", {base.per_layer, origin, reason});
  d.overhead.per_sequence = values.quantity("cost.per_sequence", {base.per_sequence, origin, reason});
  d.overhead.per_allreduce = values.quantity("cost.per_allreduce", {base.per_allreduce, origin, reason});
  d.overhead.scale = values.number("cost.scale", {base.scale, origin, reason});
  if (d.level != CostLevel::affine) {
    if (values.given("cost.affine")) values.warning("cost.affine", "has no effect: cost.level is " + level);
    return;
  }
  d.affine.per_step = values.quantity("cost.affine.per_step", {0});
  d.affine.per_prefill_token = values.quantity("cost.affine.per_prefill_token", {0});
  d.affine.per_decode_token = values.quantity("cost.affine.per_decode_token", {0});
  d.affine.per_context_token = values.quantity("cost.affine.per_context_token", {0});
}

// The roofline reads measured efficiencies too.
void build_calibration(Resolver& values, const Catalog& catalog, Deployment& d) {
  if (d.level != CostLevel::calibrated && d.level != CostLevel::roofline) return;
  const Result<CalibrationTable> table = catalog.calibration();
  if (table) d.calibration = *table;
  else report(values, "cost.level", table.error());
}

}  // namespace

void build_deployment(Resolver& values, const Catalog& catalog, Scenario& scenario) {
  Deployment& d = scenario.deployment;
  build_gpu(values, catalog, d);
  build_node(values, catalog, d);
  build_model(values, catalog, d);
  build_formats(values, d);
  build_parallelism(values, d);
  build_cost(values, d);
  build_calibration(values, catalog, d);
  if (values.diagnostics().has_errors()) return;
  for (const std::string& problem : deployment_problems(d)) values.error("engine", problem);
}

}  // namespace foretoken
