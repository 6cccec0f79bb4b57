// Where a recommendation looks when the scenario does not say, and what a candidate changes in it.
#include <fmt/format.h>

#include <algorithm>

#include "foretoken/scenario/catalog.hpp"
#include "foretoken/study/recommend.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

bool is_axis(const std::vector<SweepAxis>& domain, std::string_view path) {
  return std::any_of(domain.begin(), domain.end(), [&](const SweepAxis& a) { return a.path == path; });
}

// The scenario's own, and those whose kernels were measured: the others' step times are guesses.
std::vector<std::string> usual_gpus(const Scenario& base, const std::string& catalog_dir) {
  std::vector<std::string> ids;
  const auto gpus = Catalog(catalog_dir).gpus();
  if (!gpus) return {base.deployment.gpu.id};
  for (const GpuSpec& gpu : *gpus) {
    const auto& devices = base.deployment.calibration->devices;
    const bool measured = std::any_of(devices.begin(), devices.end(), [&](const auto& d) { return d.gpu == gpu.id; });
    if (gpu.memory_bandwidth && (measured || gpu.id == base.deployment.gpu.id)) ids.push_back(gpu.id);
  }
  // One written out in the scenario is in no catalog, and no name stands for it.
  const bool named = std::find(ids.begin(), ids.end(), base.deployment.gpu.id) != ids.end();
  return named ? ids : std::vector<std::string>{};
}

// The text of the scenario, or --set, states a whole domain; --over by itself changes the usual one. Each --over is one
// axis.
bool is_declared(const RecommendQuestion& question) {
  return question.base.recommend.size() > question.asked.options.recommend_over.size();
}

std::vector<SweepAxis> usual_domain(const Scenario& base, const std::string& catalog_dir) {
  std::vector<SweepAxis> domain;
  const auto add = [&](const std::string& path, std::vector<std::string> values) {
    if (values.size() > 1) domain.push_back({path, std::move(values)});
  };
  if (!base.pools.empty()) {
    for (const PoolPlan& pool : base.pools) add("pools." + pool.name + ".replicas", {"1", "2", "3", "4"});
    return domain;
  }
  if (base.deployment.level != CostLevel::affine) {
    add("hardware.gpu", usual_gpus(base, catalog_dir));
    add("engine.tensor_parallel_size", {"1", "2", "4", "8"});
    add("engine.pipeline_parallel_size", {"1", "2"});
    if (base.deployment.model.moe.experts > 0) add("engine.data_parallel_size", {"1", "2", "4", "8"});
  }
  add("replicas", {"1", "2", "3", "4", "5", "6", "7", "8"});
  // A knob that the scenario sets stays as it is.
  const std::string budget(find_engine(base.engine.name).token_budget.key);
  if (!is_given(base, "engine.max_num_seqs")) add("engine.max_num_seqs", {"32", "128", "512"});
  if (!is_given(base, budget)) add(budget, {"2048", "8192"});
  return domain;
}

}  // namespace

std::vector<SweepAxis> recommend_domain(const RecommendQuestion& question) {
  const std::vector<SweepAxis>& named = question.base.recommend;
  if (is_declared(question) || question.base.cluster.fleet.on) return named;
  std::vector<SweepAxis> domain = usual_domain(question.base, question.asked.options.catalog_dir);
  // The number of replicas follows from that of GPUs.
  if (is_axis(named, "hardware.num_gpus"))
    std::erase_if(domain, [](const SweepAxis& a) { return a.path == "replicas"; });
  for (const SweepAxis& axis : named) {
    const auto usual =
        std::find_if(domain.begin(), domain.end(), [&](const SweepAxis& a) { return a.path == axis.path; });
    if (usual == domain.end())
      domain.push_back(axis);
    else
      *usual = axis;
  }
  return domain;
}

bool replicas_may_widen(const RecommendQuestion& question) {
  const std::vector<SweepAxis>& named = question.base.recommend;
  return question.base.pools.empty() && !is_declared(question) && !is_axis(named, "replicas") &&
         !is_axis(named, "hardware.num_gpus");
}

std::vector<std::string> candidate_overrides(const Scenario& base, const std::vector<SweepAxis>& domain,
                                             const std::vector<std::string>& values) {
  std::vector<std::string> set;
  const bool given = is_given(base, "hardware.num_gpus"), given_replicas = is_given(base, "replicas");
  const bool sizes = is_axis(domain, "replicas") || is_axis(domain, "engine.tensor_parallel_size") ||
                     is_axis(domain, "engine.pipeline_parallel_size") || is_axis(domain, "engine.data_parallel_size");
  // A number of GPUs given in the scenario is that of its own sizes: with others it follows from them, or the number
  // of replicas from it.
  if (given && sizes && !is_axis(domain, "hardware.num_gpus") && (is_axis(domain, "replicas") || given_replicas)) {
    set.emplace_back("hardware.num_gpus=null");
    if (is_given(base, "hardware.nodes")) set.emplace_back("hardware.nodes=null");
  }
  if (is_axis(domain, "hardware.num_gpus") && given_replicas && !is_axis(domain, "replicas"))
    set.emplace_back("replicas=null");
  for (std::size_t i = 0; i < domain.size(); ++i) set.push_back(fmt::format("{}={}", domain[i].path, values[i]));
  return set;
}

Question candidate_question(const RecommendQuestion& question, const std::vector<SweepAxis>& domain,
                            std::size_t index) {
  std::vector<std::string> set{"recommend=null"};
  for (std::string& own : candidate_overrides(question.base, domain, point_values(domain, index)))
    set.push_back(std::move(own));
  Question candidate = question.asked.without_sweep().with(set);
  candidate.options.recommend_over.clear();
  return candidate;
}

Result<Scenario> candidate_scenario(const RecommendQuestion& question, const std::vector<SweepAxis>& domain,
                                    std::size_t index) {
  return candidate_question(question, domain, index).scenario();
}

}  // namespace foretoken
