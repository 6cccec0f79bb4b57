// What runs on what: accelerators, model, number formats, split, and how steps are priced.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "foretoken/cost/cost_model.hpp"
#include "hardware/mig.hpp"
#include "hardware/plausibility.hpp"
#include "model/hf_config.hpp"
#include "scenario/build.hpp"
#include "scenario/catalog_entries.hpp"
#include "scenario/checkpoint_name.hpp"
#include "scenario/engine_releases.hpp"
#include "scenario/number_formats.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {
namespace {

// The catalog's own diagnostics, moved to where the scenario names the entry; those of an
// inline entry stand there already.
void report(Resolver& values, const std::string& path, const Diagnostics& problems) {
  for (const Diagnostic& d : problems.items()) {
    const bool located = d.where.line > 0;
    if (located && d.where.file == values.origin()) {
      values.error_at(d.where, d.message, d.hint);
      continue;
    }
    const bool is_override = d.where.file.rfind("--set", 0) == 0;
    values.error(path,
                 located && !is_override ? fmt::format("{}:{}: {}", d.where.file, d.where.line, d.message) : d.message,
                 d.hint);
  }
}

// With affine costs there need not be any hardware or model.
bool is_required(Resolver& values) {
  return values.text("cost.level") != "affine";
}

void build_gpu(Resolver& values, const Catalog& catalog, Deployment& d) {
  const YamlNode* node = values.node("hardware.gpu");
  if (node == nullptr) {
    if (is_required(values))
      values.error("hardware", "'hardware.gpu' is missing", "name an accelerator: `foretoken catalog gpus` lists them");
    return;
  }
  if (node->kind == YamlNode::Kind::null) return;  // reported
  values.record_given("hardware.gpu");
  if (node->kind == YamlNode::Kind::list) {
    values.error("hardware.gpu", "'hardware.gpu' must be a name or a map of figures, got a list",
                 "one kind of accelerator serves a scenario");
    return;
  }
  const Result<GpuSpec> gpu =
      node->kind == YamlNode::Kind::map ? parse_inline_gpu(*node, catalog) : catalog.gpu(node->text);
  if (!gpu) {
    report(values, "hardware.gpu", gpu.error());
    return;
  }
  d.gpu = *gpu;
  if (node->kind == YamlNode::Kind::map) {
    for (const std::string& doubt : implausible_figures(d.gpu)) values.warning("hardware.gpu", doubt);
  }
  if (!d.gpu.memory_bandwidth) {
    values.error("hardware.gpu",
                 fmt::format("{} has no memory bandwidth in the catalog: it cannot be simulated", d.gpu.id),
                 "give its figures inline");
  }
}

// MIG: a slice is a GPU of its own, which talks to no other.
void build_slice(Resolver& values, Deployment& d) {
  const auto name = values.maybe_text("hardware.mig_profile");
  if (!name || d.gpu.id.empty()) return;
  const std::optional<GpuSpec> slice = mig_slice(d.gpu, *name);
  if (!slice) {
    const std::vector<std::string> known = mig_profiles(d.gpu);
    values.error("hardware.mig_profile", fmt::format("{} has no slice '{}'", d.gpu.id, *name),
                 known.empty() ? "only GPUs with MIG have any: A100, A30, H100, H200, B200"
                               : fmt::format("allowed: {}", fmt::join(known, ", ")));
    return;
  }
  d.gpu = *slice;
  for (const char* split :
       {"engine.tensor_parallel_size", "engine.pipeline_parallel_size", "engine.data_parallel_size"}) {
    if (values.integer(split) > 1)
      values.error(split,
                   fmt::format("'{}' is {}, but slices of a GPU do not work together", split, values.integer(split)),
                   "remove it, or hardware.mig_profile");
  }
}

// The least that nvidia-smi takes; from memory.
double least_cap(const GpuSpec& gpu) {
  if (gpu.architecture == "Ampere") return 100;
  return gpu.architecture == "Hopper" || gpu.architecture == "Blackwell" ? 200 : 0;
}

void build_power_cap(Resolver& values, Deployment& d) {
  const auto cap = values.maybe_quantity("hardware.power_cap");
  if (!cap || d.gpu.id.empty()) return;
  if (!d.gpu.tdp) {
    values.error("hardware.power_cap", fmt::format("the catalog has no TDP of {}: a cap says nothing", d.gpu.id),
                 "give its figures inline");
    return;
  }
  const double idle = d.gpu.idle_power ? d.gpu.idle_power->value : 0.1 * d.gpu.tdp->value;
  const double least = std::max(idle, std::min(least_cap(d.gpu), d.gpu.tdp->value));
  if (*cap <= idle || *cap < least)
    values.error("hardware.power_cap", fmt::format("{} cannot be capped at {:g} W", d.gpu.id, *cap),
                 fmt::format("at least {:g} W", least));
  d.power_cap = *cap;
}

// By default the GPUs of a node share the fast link, eight at most; cards without one share a server of eight.
std::int64_t default_gpus_per_node(Resolver& values, const Deployment& d, Origin& origin, std::string& reason) {
  const auto nodes = values.maybe_integer("hardware.nodes");
  const auto gpus = values.maybe_integer("hardware.num_gpus");
  origin = Origin::gpu;
  const std::int64_t usual = d.gpu.scale_up_domain > 1 ? std::min(d.gpu.scale_up_domain, 8) : 8;
  reason = d.gpu.scale_up_domain > 1 ? "the GPU's scale-up domain, at most 8" : "cards of a server";
  if (!nodes) return usual;
  if (!gpus) {
    values.error("hardware.nodes", "'hardware.nodes' needs 'hardware.num_gpus'",
                 "say how many GPUs the nodes have together");
    return usual;
  }
  if (*gpus % *nodes != 0) {
    values.error("hardware.nodes", fmt::format("{} GPUs do not divide into {} nodes", *gpus, *nodes));
    return usual;
  }
  const auto per_node = values.maybe_integer("hardware.gpus_per_node");
  if (per_node && *per_node * *nodes != *gpus) {
    values.error("hardware.gpus_per_node",
                 fmt::format("{} nodes of {} GPUs are not the {} of 'hardware.num_gpus'", *nodes, *per_node, *gpus));
  }
  origin = Origin::derived;
  reason = "num_gpus / nodes";
  return *gpus / *nodes;
}

void build_node(Resolver& values, const Catalog& catalog, Deployment& d) {
  Origin origin{};
  std::string reason;
  const std::int64_t per_node = default_gpus_per_node(values, d, origin, reason);
  d.node.gpus_per_node = static_cast<int>(values.integer("hardware.gpus_per_node", {per_node, origin, reason}));
  const auto link = catalog.link(values.text("hardware.scale_out_link"));
  if (link)
    d.node.scale_out_link = *link;
  else
    report(values, "hardware.scale_out_link", link.error());
  d.node.adapters = static_cast<int>(
      values.integer("hardware.nics_per_node", {d.node.gpus_per_node, Origin::derived, "one for each GPU of a node"}));
  if (d.node.adapters > d.node.gpus_per_node)
    values.error("hardware.nics_per_node",
                 fmt::format("{} adapters are more than the {} GPUs of a node, and a GPU uses one", d.node.adapters,
                             d.node.gpus_per_node),
                 "a faster hardware.scale_out_link says the same");
  d.node.oversubscription = values.number("hardware.oversubscription");
}

// DeepEP's kernels send tokens to whole experts.
void read_expert_exchange(Resolver& values, Deployment& d) {
  const std::string backend = values.text("engine.all2all_backend");
  d.expert_exchange = backend == "deepep_low_latency"       ? ExpertExchange::deepep_low_latency
                      : backend == "deepep_high_throughput" ? ExpertExchange::deepep_high_throughput
                                                            : ExpertExchange::allgather_reducescatter;
  if (d.expert_exchange == ExpertExchange::allgather_reducescatter) return;
  if (!d.parallelism.expert_parallel)
    values.error("engine.all2all_backend", fmt::format("'{}' needs experts that are whole on a rank", backend),
                 "engine.enable_expert_parallel: true");
}

constexpr std::size_t kMaxConfigBytes = 4 << 20;

Result<ModelSpec> model_from_file(const std::string& path) {
  const auto text = read_text_file(path, kMaxConfigBytes,
                                   "give the path of a config.json, or a name that `foretoken catalog models` lists",
                                   OtherThanFiles::refused);
  if (!text) return text.error();
  const auto json = parse_json(*text, path);
  if (!json) return json.error();
  auto model = model_from_hf_config(*json, path);
  if (model && model->id.empty()) model->id = std::filesystem::path(path).stem().string();
  return model;
}

void build_model(Resolver& values, const Catalog& catalog, Deployment& d) {
  const YamlNode* node = values.node("model");
  if (node == nullptr) {
    if (is_required(values))
      values.error("model", "'model' is missing", "name a model: `foretoken catalog models` lists them");
    return;
  }
  if (node->kind == YamlNode::Kind::null) return;  // reported
  values.record_given("model");
  if (node->kind == YamlNode::Kind::list) {
    values.error("model", "'model' must be a name, a path or a map of the shape, got a list");
    return;
  }
  const bool is_map = node->kind == YamlNode::Kind::map;
  const bool is_file = !is_map && node->text.size() > 5 && node->text.substr(node->text.size() - 5) == ".json";
  std::string doubt;
  const Result<ModelSpec> model = is_map    ? parse_inline_model(*node)
                                  : is_file ? model_from_file(values.path_of("model", node->text))
                                            : find_checkpoint(catalog, node->text, doubt);
  if (model)
    d.model = *model;
  else
    report(values, "model", model.error());
  if (const std::size_t hint = doubt.find('\n'); hint != std::string::npos)
    values.warning("model", doubt.substr(0, hint), doubt.substr(hint + 1));
}

// What stays in 16 bits while the experts are quantised: the dense parts of gpt-oss, which is released in MXFP4,
// and the projections of latent attention in NVFP4 checkpoints.
bool keeps_dense_wide(WeightFormat format, const ModelSpec& model) {
  return (format == WeightFormat::mxfp4 && model.moe.experts > 0) ||
         (format == WeightFormat::nvfp4 && model.attention == AttentionKind::latent);
}

void check_against_checkpoint(Resolver& values, const ModelSpec& model, const std::string& given) {
  const std::string_view stored = format_family(model.released_weight_format);
  if (model.released_format_origin.empty() || stored == "none" || stored == format_family(given)) return;
  values.warning(
      "engine.quantization",
      fmt::format("'engine.quantization' is {}, while the checkpoint holds {} ({}): {} is priced, which no engine "
                  "loads from it",
                  given, model.released_weight_format, model.released_format_origin, given),
      "name another checkpoint, or leave engine.quantization out");
}

std::string format_reason(const ModelSpec& model) {
  std::string reason =
      model.released_format_origin.empty() ? "as the model was released" : model.released_format_origin;
  if (!model.released_dense_format.empty())
    reason += fmt::format("; attention and dense MLPs in {}", model.released_dense_format);
  return reason;
}

void build_formats(Resolver& values, Deployment& d) {
  values.text("engine.dtype");
  const std::string released = d.model.released_weight_format.empty() ? "bfloat16" : d.model.released_weight_format;
  const bool sixteen_bits = released == "bfloat16" || released == "float16" || named_format(released) == nullptr;
  const std::string name =
      values.text("engine.quantization", {sixteen_bits ? "none" : released, Origin::model, format_reason(d.model)});
  const bool given = values.given("engine.quantization");
  if (given) check_against_checkpoint(values, d.model, name);
  if (sixteen_bits && released != "bfloat16" && released != "float16" && !given) {
    values.warning(
        "model",
        fmt::format("{} was released as '{}', which is not modelled: 16-bit weights are assumed", d.model.id, released),
        "say what to price: engine.quantization");
  }
  if (const WeightFormat* format = named_format(name)) d.dense_format = d.expert_format = *format;
  const WeightFormat* dense = given ? nullptr : named_format(d.model.released_dense_format);
  if (dense != nullptr)
    d.dense_format = *dense;
  else if (keeps_dense_wide(d.expert_format, d.model))
    d.dense_format = WeightFormat::bf16;
  if (const std::string backend = values.text("engine.moe_backend"); backend != "auto") d.moe_backend = backend;
  d.tf32 = values.text("engine.float32_matmul_precision") == "high";
  d.kv_format = kv_format_of(values.text("engine.kv_cache_dtype"));
}

void build_parallelism(Resolver& values, Deployment& d) {
  d.parallelism.tensor = static_cast<int>(values.integer("engine.tensor_parallel_size"));
  d.parallelism.pipeline = static_cast<int>(values.integer("engine.pipeline_parallel_size"));
  d.parallelism.data = static_cast<int>(values.integer("engine.data_parallel_size"));
  d.parallelism.expert_parallel = values.flag("engine.enable_expert_parallel");
  read_expert_exchange(values, d);
}

void build_cost(Resolver& values, Deployment& d) {
  const std::string level = values.text("cost.level");
  d.level = level == "datasheet"    ? CostLevel::datasheet
            : level == "affine"     ? CostLevel::affine
            : level == "calibrated" ? CostLevel::calibrated
                                    : CostLevel::roofline;
  d.roofline.compute_efficiency = values.maybe_number("cost.compute_efficiency").value_or(0);
  d.roofline.memory_efficiency = values.maybe_number("cost.memory_efficiency").value_or(0);
  d.roofline.link_efficiency = values.maybe_number("cost.link_efficiency").value_or(0);
  values.maybe_text("cost.calibration");
  d.efficiency.compute = values.number("cost.compute_efficiency_scale");
  d.efficiency.memory = values.number("cost.memory_efficiency_scale");
  const bool bare = d.level == CostLevel::datasheet || d.level == CostLevel::affine;
  const std::string engine = values.text("engine.name");
  const std::string version = engine_release(values, engine);
  d.engine_name = engine;
  d.engine_version = version;
  const OverheadTerms base = bare ? OverheadTerms{} : default_overhead(engine, version, d.gpu, d.parallelism.pipeline);
  const Origin origin = bare ? Origin::default_value : Origin::engine_default;
  const std::string reason = bare ? "" : fmt::format("{} {}", engine, version);
  d.overhead.per_step = values.quantity("cost.per_step", {base.per_step, origin, reason});
  d.overhead.per_layer = values.quantity("cost.per_layer", {base.per_layer, origin, reason});
  d.overhead.per_sequence = values.quantity("cost.per_sequence", {base.per_sequence, origin, reason});
  d.overhead.per_allreduce = values.quantity("cost.per_allreduce", {base.per_allreduce, origin, reason});
  d.overhead.per_prefill_layer = values.quantity("cost.per_prefill_layer", {base.per_prefill_layer, origin, reason});
  d.overhead.per_prefill_moe_layer =
      values.quantity("cost.per_prefill_moe_layer", {base.per_prefill_moe_layer, origin, reason});
  const bool calibrated = d.level == CostLevel::calibrated;
  d.overhead.scale = values.number(
      "cost.scale",
      {calibrated ? base.scale : 1, calibrated ? origin : Origin::default_value, calibrated ? reason : ""});
  if (d.level != CostLevel::affine) return;
  d.affine.per_step = values.quantity("cost.affine.per_step");
  d.affine.per_prefill_token = values.quantity("cost.affine.per_prefill_token");
  d.affine.per_decode_token = values.quantity("cost.affine.per_decode_token");
  d.affine.per_context_token = values.quantity("cost.affine.per_context_token");
  if (d.affine == AffineTerms{})
    values.warning("cost.level", "'cost.level: affine' without terms: every step takes 1 ns",
                   "give cost.affine.per_step and the times of tokens");
}

// deployment_problems() knows no keys; its sentences name what they are about.
std::string place_of(const std::string& problem) {
  struct Place {
    std::string_view word, path;
  };
  constexpr Place kPlaces[] = {{"data parallelism", "engine.data_parallel_size"},
                               {"expert", "engine.enable_expert_parallel"},
                               {"pipeline_parallel_size", "engine.pipeline_parallel_size"},
                               {"tensor_parallel_size", "engine.tensor_parallel_size"},
                               {"model ", "model"},
                               {"GPU", "hardware.gpu"},
                               {"_efficiency", "cost"},
                               {"efficiency_scale", "cost"},
                               {"overhead", "cost"},
                               {"affine", "cost.affine"}};
  for (const Place& place : kPlaces) {
    if (problem.find(place.word) != std::string::npos) return std::string(place.path);
  }
  return "engine";
}

// The roofline reads measured efficiencies too.
void build_calibration(Resolver& values, const Catalog& catalog, Deployment& d) {
  if (d.level != CostLevel::calibrated && d.level != CostLevel::roofline) return;
  const Result<SharedCalibration> table = catalog.calibration();
  if (table)
    d.calibration = *table;
  else
    report(values, "cost.level", table.error());
}

}  // namespace

void build_deployment(Resolver& values, const Catalog& catalog, Scenario& scenario) {
  Deployment& d = scenario.deployment;
  build_gpu(values, catalog, d);
  build_slice(values, d);
  build_power_cap(values, d);
  build_node(values, catalog, d);
  build_model(values, catalog, d);
  build_formats(values, d);
  build_parallelism(values, d);
  build_cost(values, d);
  build_calibration(values, catalog, d);
  if (values.diagnostics().has_errors()) return;
  for (const std::string& problem : deployment_problems(d)) values.error(place_of(problem), problem);
  if (!values.diagnostics().has_errors()) build_speculation(values, catalog, scenario);
  if (!values.diagnostics().has_errors()) build_media(values, values, scenario);
}

}  // namespace foretoken
