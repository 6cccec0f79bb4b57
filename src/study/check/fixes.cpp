// The list of changes, by knob.
#include "study/check/fixes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "foretoken/scenario/catalog.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

class Candidates {
 public:
  explicit Candidates(const Scenario& scenario) : s_(scenario) {}

  void add(std::string change, std::vector<std::string> set) {
    Fix fix;
    fix.change = std::move(change);
    fix.set = std::move(set);
    fixes_.push_back(std::move(fix));
  }
  void integer(std::string_view path, std::string_view name, std::int64_t from, std::int64_t to) {
    if (to < 1 || to == from) return;
    add(fmt::format("{} {} -> {}", name, from, to), {fmt::format("{}={}", path, to)});
  }
  // A given number of GPUs has to follow.
  void replicas(int to) {
    std::vector<std::string> set{fmt::format("replicas={}", to)};
    add_gpus(set, to * s_.deployment.parallelism.gpus());
    add(fmt::format("replicas {} -> {}", replicas_in_all(s_), to), std::move(set));
  }
  // Of pools the sizes, and what a step takes in.
  void pool(const PoolPlan& pool) {
    const std::string prefix = "pools." + pool.name + ".";
    const int r = pool.cluster.replicas;
    std::vector<int> sizes{r + 1, 4 * r};
    if (r > 1) sizes.insert(sizes.begin() + 1, 2 * r);
    for (const int to : sizes) integer(prefix + "replicas", pool.name + " replicas", r, to);
    const TokenBudgetKnob& budget = find_engine(pool.engine.name).token_budget;
    const std::int64_t tokens = budget.of(pool.engine);
    if (pool.role == PoolRole::prefill) {
      for (const std::int64_t to : {tokens / 2, tokens * 2})
        integer(prefix + std::string(budget.key), fmt::format("{} {}", pool.name, budget.name()), tokens, to);
    } else {
      const std::int64_t seats = pool.engine.max_num_seqs;
      for (const std::int64_t to : {seats / 2, seats * 2})
        integer(prefix + "engine.max_num_seqs", pool.name + " max_num_seqs", seats, to);
    }
  }
  void tensor_parallel(int to) {
    std::vector<std::string> set{fmt::format("engine.tensor_parallel_size={}", to)};
    const int factor = to / s_.deployment.parallelism.tensor;
    add_gpus(set, s_.num_gpus * factor);
    add(fmt::format("tensor parallel {} -> {}", s_.deployment.parallelism.tensor, to), std::move(set));
  }
  [[nodiscard]] std::vector<Fix> take() { return std::move(fixes_); }

 private:
  void add_gpus(std::vector<std::string>& set, int gpus) const {
    if (is_given(s_, "hardware.num_gpus")) set.push_back(fmt::format("hardware.num_gpus={}", gpus));
  }
  const Scenario& s_;
  std::vector<Fix> fixes_;
};

// The two nearest GPUs of the catalog with more bandwidth and at least the compute.
void other_gpus(Candidates& candidates, const Scenario& s, const std::string& catalog_dir) {
  constexpr std::size_t kMost = 2;
  const auto gpus = Catalog(catalog_dir).gpus();
  if (!gpus) return;
  const auto bandwidth = [](const GpuSpec& g) { return g.memory_bandwidth.value_or(Bandwidth{}).value; };
  std::vector<const GpuSpec*> better;
  for (const GpuSpec& g : *gpus) {
    if (bandwidth(g) > bandwidth(s.deployment.gpu) && g.peak_bf16.value >= s.deployment.gpu.peak_bf16.value)
      better.push_back(&g);
  }
  std::sort(better.begin(), better.end(), [&](const GpuSpec* a, const GpuSpec* b) {
    return std::pair(bandwidth(*a), a->id) < std::pair(bandwidth(*b), b->id);
  });
  for (std::size_t i = 0; i < std::min(kMost, better.size()); ++i) {
    candidates.add(fmt::format("{} -> {}", s.deployment.gpu.id, better[i]->id),
                   {fmt::format("hardware.gpu={}", better[i]->id)});
  }
}

}  // namespace

std::vector<Fix> candidate_fixes(const Scenario& s, const std::string& catalog_dir) {
  Candidates c(s);
  if (!s.pools.empty()) {
    for (const PoolPlan& pool : s.pools) c.pool(pool);
    return c.take();
  }
  const EngineConfig& e = s.engine;
  const TokenBudgetKnob& budget = find_engine(e.name).token_budget;
  const std::int64_t tokens = budget.of(e);
  c.integer("engine.max_num_seqs", "max_num_seqs", e.max_num_seqs, e.max_num_seqs / 2);
  c.integer("engine.max_num_seqs", "max_num_seqs", e.max_num_seqs, e.max_num_seqs * 2);
  for (const std::int64_t to : {tokens / 4, tokens / 2, tokens * 2}) c.integer(budget.key, budget.name(), tokens, to);
  if (!e.enable_prefix_caching && may_share_prefixes(s.workload))
    c.add("prefix caching on", {"engine.enable_prefix_caching=true"});
  if (s.deployment.level != CostLevel::affine) {
    if (s.deployment.kv_format == KvFormat::bf16) c.add("KV cache 16 bit -> fp8", {"engine.kv_cache_dtype=fp8"});
    const bool wide =
        s.deployment.dense_format == WeightFormat::bf16 && s.deployment.expert_format == WeightFormat::bf16;
    if (wide && s.deployment.gpu.peak_fp8) c.add("weights 16 bit -> fp8", {"engine.quantization=fp8"});
    c.tensor_parallel(2 * s.deployment.parallelism.tensor);
  }
  const int r = replicas_in_all(s);
  c.replicas(r + 1);
  if (r > 1) c.replicas(2 * r);
  c.replicas(4 * r);
  if (s.deployment.level != CostLevel::affine) other_gpus(c, s, catalog_dir);
  return c.take();
}

}  // namespace foretoken
