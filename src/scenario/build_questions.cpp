// Objectives, what-if axes, conventions, cluster, and the checks across parts.
#include <algorithm>

#include <fmt/format.h>

#include "foretoken/cost/memory_plan.hpp"
#include "foretoken/workload/request_source.hpp"
#include "scenario/build.hpp"

namespace foretoken {
namespace {

void read_slo(Resolver& values, Scenario& s) {
  const YamlNode* node = values.node("slo");
  if (node == nullptr) return;
  const std::vector<std::string> lines = values.texts("slo");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const SourceLocation where = node->kind == YamlNode::Kind::list ? node->items[std::min(i, node->items.size() - 1)].where : node->where;
    const auto line = parse_slo_line(lines[i], where);
    if (line) { s.slo.push_back(*line); continue; }
    const Diagnostics found = line.error();
    for (const Diagnostic& d : found.items()) values.error_at(where, d.message, d.hint);
  }
  const bool needs_goodput = std::any_of(s.slo.begin(), s.slo.end(), [](const SloLine& l) {
    return l.metric.find("goodput") != std::string::npos || l.metric.find("attainment") != std::string::npos;
  });
  const bool has_goodput = s.workload.goodput.any() || std::any_of(s.workload.classes.begin(), s.workload.classes.end(),
                                                                   [](const RequestClass& c) { return c.goodput.any(); });
  if (needs_goodput && !has_goodput) {
    values.error("slo", "slo_attainment and request_goodput need per-request limits", "add `goodput: {ttft: 500, tpot: 50}` (ms)");
  }
}

void read_sweep(Resolver& values, Scenario& s) {
  const YamlNode* node = values.node("sweep");
  if (node == nullptr) return;
  values.record_given("sweep");
  if (node->kind != YamlNode::Kind::map) {
    values.error("sweep", "'sweep' must be a map from a field to the list of its values", "sweep: {engine.max_num_seqs: [1, 2, 4]}");
    return;
  }
  for (const auto& entry : node->entries) {
    const Field* field = find_field(entry.key);
    if (field == nullptr || entry.key == "sweep") {
      std::vector<std::string> paths;
      for (const Field& f : scenario_fields()) paths.emplace_back(f.path);
      const std::string close = closest_match(entry.key, paths);
      values.error_at(entry.where, fmt::format("'{}' is not a field that can be swept", entry.key), close.empty() ? "write the full path, e.g. engine.max_num_seqs" : fmt::format("did you mean '{}'?", close));
      continue;
    }
    SweepAxis axis;
    axis.path = std::string(field->path);
    if (entry.value.kind != YamlNode::Kind::list || entry.value.items.empty()) {
      values.error_at(entry.value.where, fmt::format("the values of '{}' must be a list", entry.key));
      continue;
    }
    for (const YamlNode& item : entry.value.items) axis.values.push_back(to_flow(item));
    s.sweep.push_back(axis);
  }
}

}  // namespace

void build_questions(Resolver& values, Scenario& s) {
  s.description = values.maybe_text("description").value_or("");
  values.text("version", {"1"});
  read_slo(values, s);
  read_sweep(values, s);
  s.tpot = values.text("conventions.tpot", {"per_output_token"}) == "vllm" ? TpotConvention::vllm : TpotConvention::per_output_token;
  s.warmup_fraction = values.number("warmup_fraction", {0.1});
  s.seed = static_cast<std::uint64_t>(values.integer("seed", {0}));
  s.replications = static_cast<int>(values.integer("replications", {1}));
  for (const char* path : {"goodput.ttft", "goodput.tpot", "goodput.e2el"}) values.record_given(path);
}

void build_cluster(Resolver& values, Scenario& s) {
  const int per_replica = s.deployment.parallelism.gpus();
  const auto gpus = values.maybe_integer("hardware.num_gpus");
  std::int64_t replicas = 1;
  if (gpus && *gpus % per_replica == 0) replicas = std::max<std::int64_t>(1, *gpus / per_replica);
  s.cluster.replicas = static_cast<int>(values.integer("replicas", {replicas, Origin::derived, "num_gpus / (TP x PP x DP)"}));
  s.cluster.router = values.text("router", {"round_robin"});
  s.num_gpus = s.cluster.replicas * per_replica;
  if (gpus && *gpus != s.num_gpus) {
    values.error("hardware.num_gpus",
                 fmt::format("'hardware.num_gpus' is {}, but {} replicas x {} GPUs (TP {} x PP {} x DP {}) are {}", *gpus, s.cluster.replicas,
                             per_replica, s.deployment.parallelism.tensor, s.deployment.parallelism.pipeline, s.deployment.parallelism.data, s.num_gpus),
                 "change num_gpus, replicas or the parallel sizes so that they agree");
  }
  values.integer("hardware.num_gpus", {s.num_gpus, Origin::derived, "replicas x TP x PP x DP"});
}

void check_together(Resolver& values, Scenario& s) {
  const EngineConfig& engine = s.engine;
  const auto workload = summarise_workload(s.workload);
  if (!workload) {
    const Diagnostics found = workload.error();
    for (const Diagnostic& d : found.items()) {
      if (d.where.file.empty()) values.error("workload", d.message, d.hint);
      else values.diagnostics().error(d.where, d.message, d.hint, d.source_line);
    }
    return;
  }
  if (workload->max_prompt_tokens >= engine.max_model_len && workload->mean_prompt_tokens >= static_cast<double>(engine.max_model_len)) {
    values.error("engine.max_model_len", fmt::format("max_model_len is {}, but prompts have {:.0f} tokens on average: none could be served", engine.max_model_len, workload->mean_prompt_tokens),
                 "raise engine.max_model_len above the longest prompt plus its output");
  } else if (workload->max_prompt_tokens >= engine.max_model_len) {
    values.warning("engine.max_model_len", fmt::format("prompts of up to {} tokens exceed max_model_len {}: they will be rejected", workload->max_prompt_tokens, engine.max_model_len));
  } else if (workload->max_total_tokens > engine.max_model_len) {
    values.warning("engine.max_model_len", fmt::format("prompt + output of up to {} tokens exceed max_model_len {}: outputs will be cut", workload->max_total_tokens, engine.max_model_len));
  }
  if (!engine.enable_chunked_prefill && engine.name == "vllm-v1" && engine.max_num_batched_tokens < std::min(workload->max_prompt_tokens, engine.max_model_len)) {
    values.error("engine.max_num_batched_tokens",
                 fmt::format("max_num_batched_tokens {} is too small to ever admit a prompt of {} tokens without chunked prefill", engine.max_num_batched_tokens, workload->max_prompt_tokens),
                 "raise it to max_model_len, or set engine.enable_chunked_prefill: true");
  }
  const std::int64_t usable_tokens = engine.usable_blocks() * engine.block_size;
  if (s.memory.num_gpu_blocks_override && usable_tokens < engine.max_model_len) {
    values.error("engine.num_gpu_blocks_override",
                 fmt::format("{} KV blocks of {} tokens hold {} tokens, less than one request of max_model_len {}", *s.memory.num_gpu_blocks_override, engine.block_size, usable_tokens, engine.max_model_len),
                 "raise the blocks or lower engine.max_model_len");
  }
  const bool all_at_once = std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals) && !s.workload.max_concurrency;
  if (all_at_once && workload->requests.value_or(0) > 20'000'000) {
    values.error("workload.num_prompts", fmt::format("{} requests all at once would be held in memory; at most 20,000,000", *workload->requests),
                 "set workload.request_rate or workload.max_concurrency");
  }
}

}  // namespace foretoken
