// Memory plans of the scenario with one thing changed.
#include "experiment/explain/what_fits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/cost/memory_plan.hpp"

namespace foretoken {
namespace {

constexpr int kWidestSplit = 64;

bool has_room(const Scenario& s) {
  return deployment_problems(s.deployment).empty() && plan_memory(s.deployment, s.memory).fits;
}

// The smallest tensor parallelism above today's with which it fits; 0: none.
int smallest_split(Scenario s) {
  int& tensor = s.deployment.parallelism.tensor;
  for (tensor *= 2; tensor <= kWidestSplit; tensor *= 2) {
    if (has_room(s)) return tensor;
  }
  return 0;
}

std::string split_text(const Scenario& s, int tensor) {
  const Parallelism& p = s.deployment.parallelism;
  return fmt::format("tensor_parallel_size {} ({} GPUs a replica)", tensor, tensor * p.pipeline * p.data);
}

struct Narrower {
  const char* name;
  WeightFormat format;
};
// From wide to narrow, as far as the GPU computes in them or the kernels unpack them.
std::vector<Narrower> narrower_formats(const Scenario& s) {
  const Deployment& d = s.deployment;
  std::vector<Narrower> formats;
  const double now = weight_bytes_per_element(d.expert_format);
  const auto add = [&](const char* name, WeightFormat format) {
    if (weight_bytes_per_element(format) < now) formats.push_back({name, format});
  };
  if (d.gpu.peak_fp8)
    add("fp8", WeightFormat::fp8);
  else
    add("int8_weight_only", WeightFormat::int8_weight_only);
  if (d.gpu.peak_fp4)
    add("nvfp4", WeightFormat::nvfp4);
  else
    add("awq", WeightFormat::int4_weight_only);
  return formats;
}

// The longest context that one request may have; 0 when not even the weights leave room for blocks.
std::int64_t longest_context(Scenario s) {
  const MemoryPlan plan = plan_memory(s.deployment, s.memory);
  const std::int64_t tokens = s.memory.layout.longest(plan.usable_blocks, s.memory.max_num_batched_tokens,
                                                      s.memory.block_size, s.memory.max_model_len);
  if (tokens <= 0 || tokens >= s.memory.max_model_len) return 0;
  s.memory.max_model_len = tokens;
  return has_room(s) ? tokens : 0;
}

}  // namespace

std::string what_would_fit(const Scenario& scenario) {
  std::vector<std::string> fitting;
  const int split = smallest_split(scenario);
  if (split > 0) fitting.push_back(split_text(scenario, split));
  std::string together;
  for (const Narrower& narrow : narrower_formats(scenario)) {
    Scenario s = scenario;
    s.deployment.dense_format = s.deployment.expert_format = narrow.format;
    if (has_room(s)) {
      fitting.push_back(fmt::format("quantization {}", narrow.name));
      break;
    }
    const int tensor = smallest_split(s);
    if (together.empty() && tensor > 0 && (split == 0 || tensor < split))
      together = fmt::format("quantization {} with {}", narrow.name, split_text(s, tensor));
  }
  if (const std::int64_t tokens = longest_context(scenario); tokens > 0)
    fitting.push_back(fmt::format("max_model_len {}", tokens));
  if (Scenario s = scenario; s.deployment.kv_format == KvFormat::bf16) {
    s.deployment.kv_format = KvFormat::fp8;
    if (has_room(s)) fitting.emplace_back("kv_cache_dtype fp8");
  }
  if (!together.empty()) fitting.push_back(std::move(together));
  if (fitting.empty()) return fmt::format("nothing on this GPU fits, up to tensor_parallel_size {}", kWidestSplit);
  return fmt::format("what would fit: {}", fmt::join(fitting, "; or "));
}

Fit fit_of(const Scenario& s, bool advise) {
  for (const PoolPlan& pool : s.pools) {
    Fit fit = fit_of(only_pool(s, pool), advise);
    if (fit.feasible) continue;
    fit.memory.verdict = fmt::format("pool '{}': {}", pool.name, fit.memory.verdict);
    return fit;
  }
  Fit fit;
  fit.memory = plan_memory(s.deployment, s.memory);
  fit.feasible = fit.memory.fits || s.deployment.level == CostLevel::affine;
  if (!fit.feasible && advise) fit.memory.verdict += "; " + what_would_fit(s);
  return fit;
}

}  // namespace foretoken
