// Writes the scenario of a measured run. What a source does not state follows the engine's
// defaults, or a rule named here.
#include "measurement/accuracy/point_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/base/version.hpp"
#include "measurement/accuracy/bench_limits.hpp"
#include "measurement/accuracy/recipes.hpp"
#include "serving/engines/engine_profile.hpp"
#include "serving/policies.hpp"

namespace foretoken {
namespace {

bool engine_exists(std::string_view name) {
  const auto policies = batching_policies();
  return std::any_of(policies.begin(), policies.end(), [&](const PolicyInfo& p) { return p.name == name; });
}

bool mentions(const Point& p, std::string_view word) {
  return p.notes.find(word) != std::string::npos;
}
bool is_offline(const Point& p) {
  return p.workload == "open_loop" && std::isinf(p.rate);
}

// The 2-die cards of this file are counted as cards; the engines see dies (GCDs).
std::int64_t devices_per_gpu(const Point& p) {
  return p.gpu.starts_with("MI250") ? 2 : 1;
}

struct Split {
  std::int64_t tensor = 1, pipeline = 1, data = 1;
  bool experts = false;
};
Split split_of(const Point& p) {
  // Offline tables of MoE models: the figure they give as tensor parallelism is ranks of attention.
  if (mentions(p, "enable_attention_dp in documented options")) {
    return {1, std::max<std::int64_t>(1, p.pipeline), std::max<std::int64_t>(1, p.tensor), true};
  }
  // A file that has the batch of a rank beside the concurrency of all: ranks of attention, each with requests of its
  // own.
  if (const std::int64_t own = number_after(p.notes, "file batch_size="); own > 0 && own * p.tensor == p.batch) {
    return {1, std::max<std::int64_t>(1, p.pipeline), p.tensor, true};
  }
  const Recipe recipe = recipe_of(p);
  if (recipe.attention_ranks) return {1, std::max<std::int64_t>(1, p.pipeline), p.tensor, true};
  return {std::max<std::int64_t>(1, p.tensor) * devices_per_gpu(p), std::max<std::int64_t>(1, p.pipeline),
          std::max<std::int64_t>(1, p.data), p.experts > 1 || recipe.spreads_experts};
}

// Runs whose requests are all of one nominal length. With lengths equal to a token such loops run in lock-step and a
// prompt waits for all others; the TTFT of these runs is that of prompts which come one by one, so theirs differ. By
// how much is not published: a tenth.
constexpr double kUnstatedSpread = 0.1;
bool spreads(const Point& p) {
  return p.workload == "closed_loop" && mentions(p, "NVIDIA in-house run");
}
std::int64_t longest(const Point& p, std::int64_t nominal) {
  return spreads(p) ? static_cast<std::int64_t>(std::ceil(static_cast<double>(nominal) * (1 + kUnstatedSpread)))
                    : nominal;
}

// Released in MXFP4 and nothing else.
bool is_gpt_oss(const Point& p) {
  return p.model.find("gpt-oss") != std::string::npos;
}

// Whose 8-bit checkpoints have scales for blocks of 128 x 128.
bool is_released_in_blocks(const Point& p) {
  for (const std::string_view family : {"deepseek", "minimax", "qwen3.5"}) {
    if (p.model_family.starts_with(family)) return true;
  }
  return false;
}

std::string quantization_of(const Point& p, const Framework& framework) {
  if (is_gpt_oss(p)) return "mxfp4";
  if (p.weights == "fp8_block" || mentions(p, "moe_quant=fp8_block")) return "fp8_block";
  if (p.weights == "fp8" && is_released_in_blocks(p)) return "fp8_block";
  if (p.weights == "fp8") return framework.static_scales || recipe_of(p).static_scales ? "fp8_static" : "fp8";
  if (p.weights == "fp4" || p.weights == "nvfp4") return "nvfp4";
  return p.weights == "bf16" || p.weights == "fp16" ? "none" : std::string();
}

// Not stated elsewhere either: checkpoints in 8 and 4 bits on Blackwell ship with scales for an
// 8-bit cache.
std::string kv_of(const Point& p) {
  if (p.kv == "fp8") return "fp8";
  if (!p.kv.empty()) return "auto";
  if (const Recipe recipe = recipe_of(p); !recipe.kv_cache_dtype.empty()) return recipe.kv_cache_dtype;
  const bool narrow = p.weights == "fp8" || p.weights == "fp4" || p.weights == "nvfp4";
  return narrow && p.gpu.starts_with("B200") ? "fp8" : "auto";
}

// Before its release planned ahead by default, whatever the one that stands for it does.
bool plans_one_by_one(const Framework& framework, const Release& release) {
  const std::string_view since = find_engine(framework.engine).plans_ahead_from;
  return release.other() && !since.empty() && !version_at_least(release.written, since);
}

// TensorRT-LLM's engines of 0.x look back over whole contexts unless max_attention_window says otherwise
// (NVIDIA/TensorRT-LLM:docs/source/advanced/gpt-attention.md); this model's later release is the same without its
// window.
std::string model_of(const Point& p, const Framework& framework, const NameTable& names) {
  const std::string model = names.model(p.model);
  return framework.group == "TensorRT-LLM 0.x" && model == "Mistral-7B-v0.1" ? "Mistral-7B-v0.3" : model;
}

std::string limits_text(const Point& p, const BenchLimits& limits) {
  // Whole prompts must fit beside a step's outputs unless they are chunked.
  const std::int64_t tokens =
      recipe_of(p).chunked ? limits.tokens : std::max(limits.tokens, p.prompt_tokens + limits.requests);
  // Graphs are captured up to the most requests of a step (model_engine.py, _filter_cuda_graph_batch_sizes).
  return fmt::format("  max_num_seqs: {}\n  max_num_batched_tokens: {}\n  max_cudagraph_capture_size: {}\n",
                     limits.requests * std::max<std::int64_t>(1, p.pipeline), tokens, limits.requests);
}

std::string engine_text(const Point& p, const Framework& framework, const BenchLimits& limits) {
  const Split split = split_of(p);
  std::string text = fmt::format("engine:\n  name: {}\n", framework.engine);
  const Release release = release_of(framework, p.framework);
  if (!release.rules.empty()) text += fmt::format("  version: \"{}\"\n", release.rules);
  const Recipe recipe = recipe_of(p);
  const std::string& script = recipe.engine;
  if (plans_one_by_one(framework, release) && script.find("async_scheduling") == std::string::npos)
    text += "  async_scheduling: false\n";
  if (p.pools.empty())
    text += fmt::format("  tensor_parallel_size: {}\n  pipeline_parallel_size: {}\n  data_parallel_size: {}\n",
                        split.tensor, split.pipeline, split.data);
  if (framework.eager) text += "  enforce_eager: true\n";
  if (split.experts) text += "  enable_expert_parallel: true\n";
  text += fmt::format("  quantization: {}\n  kv_cache_dtype: {}\n", quantization_of(p, framework), kv_of(p));
  text += fmt::format("  max_model_len: {}\n", longest(p, p.prompt_tokens) + longest(p, p.output_tokens));
  if (find_engine(framework.engine).closed_batches) {
    text += fmt::format("  max_num_seqs: {}\n  gpu_memory_utilization: 0.95\n", p.batch);
  } else if (p.workload == "open_loop" && p.batch > 0) {
    text += fmt::format("  max_num_seqs: {}\n", p.batch);  // the column's meaning in open loop
  } else if (p.workload == "static_batch" && p.batch > 256) {
    text += fmt::format("  max_num_seqs: {}\n", p.batch);
  }
  text += script;
  if (recipe.bench_limits) text += limits_text(p, limits);
  if (const std::int64_t budget = number_after(p.notes, "max_num_batched_tokens "); budget > 0) {
    text += fmt::format("  max_num_batched_tokens: {}\n", budget);
  }
  return text;
}

std::string overhead_text(const Point& p, const Framework& framework) {
  if (framework.overhead.empty()) return recipe_of(p).cost;
  const OverheadTerms o = default_overhead(std::string(framework.overhead), std::string(framework.overhead_version));
  return fmt::format("cost: {{per_step: {} s, per_layer: {} s, per_sequence: {} s, per_allreduce: {} s, scale: {}}}\n",
                     o.per_step, o.per_layer, o.per_sequence, o.per_allreduce, o.scale);
}

// Requests in all. Where the source does not say: ten rounds, as the closed-loop benchmarks do.
std::int64_t requests_of(const Point& p) {
  constexpr std::int64_t kOpenLoop = 500, kOffline = 3000;
  if (p.workload == "static_batch") return p.batch;
  if (p.workload == "closed_loop") return recipe_of(p).rounds * p.batch;
  const std::int64_t beside_means = number_after(p.notes, "means; ");
  if (is_offline(p)) {
    const std::int64_t stated = std::max(beside_means, number_after(p.notes, "N="));
    return stated > 0 ? stated : kOffline;
  }
  // One stage of a benchmark that changes its rate by stages.
  if (const std::int64_t seconds = number_after(p.notes, "of all requests in a "); seconds > 0) {
    return std::max<std::int64_t>(1, std::llround(p.rate * static_cast<double>(seconds)));
  }
  return beside_means > 0 ? beside_means : kOpenLoop;
}

// Of the prompt: a system prompt that all requests share, found by prefix caching.
std::int64_t shared_prompt(const Point& p) {
  constexpr std::string_view kShared = " system-prompt tokens shared (prefix cache on)";
  const auto at = p.notes.find(kShared);
  if (at == std::string::npos) return 0;
  const auto space = p.notes.rfind(' ', at - 1);
  const std::size_t begin = space == std::string::npos ? 0 : space + 1;
  std::int64_t shared = 0;
  if (!parse_number(std::string_view(p.notes).substr(begin, at - begin), shared)) return 0;
  return std::clamp<std::int64_t>(shared, 0, p.prompt_tokens - 1);
}

std::string lengths_text(const Point& p) {
  if (!mentions(p, "uniform in [0.8;1.0]")) {
    const std::int64_t shared = shared_prompt(p);
    std::string text = shared > 0 ? fmt::format("  random_prefix_len: {}\n", shared) : std::string();
    if (spreads(p)) text += fmt::format("  random_range_ratio: {}\n", kUnstatedSpread);
    return text +
           fmt::format("  random_input_len: {}\n  random_output_len: {}\n", p.prompt_tokens - shared, p.output_tokens);
  }
  const auto uniform = [](std::int64_t nominal) {
    return fmt::format("{{distribution: uniform, min: {}, max: {}}}", std::max<std::int64_t>(1, nominal * 8 / 10),
                       nominal);
  };
  return fmt::format("  input_lengths: {}\n  output_lengths: {}\n", uniform(p.prompt_tokens), uniform(p.output_tokens));
}

std::string workload_text(const Point& p) {
  std::string text = "workload:\n" + lengths_text(p);
  text += fmt::format("  num_prompts: {}\n", requests_of(p));
  if (p.workload == "closed_loop") text += fmt::format("  max_concurrency: {}\n", p.batch);
  if (p.workload == "open_loop" && !is_offline(p)) text += fmt::format("  request_rate: {}\n", p.rate);
  return text;
}

}  // namespace

std::string why_not(const Point& p, const Framework* framework) {
  if (p.grade == "E") return "grade E: not to be scored";
  if (p.prompt_tokens <= 0 || p.output_tokens <= 0) return "no lengths";
  // Its means of lengths and gaps do not say how a queue grows.
  if (mentions(p, "exact per-request lengths and arrival times are in"))
    return "a recorded run: `accuracy --replay` asks for it with its own lengths and arrivals";
  if (framework == nullptr) return fmt::format("framework '{}' is not in the table of engines", p.framework);
  if (framework->engine.empty()) return fmt::format("engine of '{}' is not modelled", framework->group);
  if (!engine_exists(framework->engine)) return fmt::format("engine '{}' is not available", framework->engine);
  if (p.workload != "open_loop" && p.batch <= 0) return "no batch or concurrency";
  if (p.workload == "open_loop" && !(p.rate > 0)) return "no request rate";
  const Split split = split_of(p);
  if (p.num_gpus > 0 && split.tensor * split.pipeline * split.data != p.num_gpus * devices_per_gpu(p)) {
    return fmt::format("num_gpus {} is not tp x pp x dp", p.num_gpus);
  }
  if (quantization_of(p, *framework).empty()) return fmt::format("weight precision '{}' is not modelled", p.weights);
  return {};
}

Result<Scenario> scenario_of(const Point& p, const Framework& framework, const NameTable& names,
                             const AccuracyOptions& options) {
  const Split split = split_of(p);
  const std::int64_t gpus = split.tensor * split.pipeline * split.data;
  // The only multi-node measurements: A100 nodes of 8 with 200 Gb/s adapters.
  const std::string_view nodes = mentions(p, "200Gb/s IB") ? ", scale_out_link: infiniband_hdr200" : "";
  std::string head =
      fmt::format("model: {}\nhardware: {{gpu: {}, num_gpus: {}{}}}\n", to_text(Json(model_of(p, framework, names)), 0),
                  to_text(Json(names.gpu(p.gpu)), 0), gpus, nodes);
  if (!p.pools.empty())
    head = fmt::format("model: {}\nhardware: {{gpu: {}}}\n", to_text(Json(model_of(p, framework, names)), 0),
                       to_text(Json(names.gpu(p.gpu)), 0));
  const auto parse = [&](const BenchLimits& limits) {
    return parse_scenario(
        head + engine_text(p, framework, limits) + overhead_text(p, framework) + workload_text(p) + p.pools, p.id,
        {options.overrides, options.catalog_dir});
  };
  Result<Scenario> scenario = parse({64, 2048});
  if (scenario && recipe_of(p).bench_limits)
    scenario = parse(bench_limits(scenario->deployment, p.prompt_tokens, p.output_tokens));
  if (!scenario) return scenario;
  scenario->tpot = TpotConvention::vllm;
  scenario->warmup_fraction = 0;
  return scenario;
}

}  // namespace foretoken
