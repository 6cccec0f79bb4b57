// For every cause, the knobs that act on it; a change that this scenario's engine does not know is dropped when it is
// tried.
#include "study/requests/knob_changes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/figures.hpp"
#include "serving/engines/engine_profile.hpp"
#include "study/check/fixes.hpp"
#include "study/load/load_knob.hpp"

namespace foretoken {
namespace {

using Keys = std::vector<std::string>;

Keys host_costs() {
  return {"cost.per_request", "cost.per_prompt_token", "cost.per_step",
          "cost.per_layer",   "cost.per_sequence",     "cost.affine.per_step"};
}

// Knobs that could act on the cause.
Keys knobs_for(const RequestExplanation& e) {
  const std::string budget = token_budget_key(e.scenario), share = memory_share_key(e.scenario);
  switch (e.cause) {
    case Cause::overload:
    case Cause::seats:
      return {"engine.max_num_seqs", budget, "engine.quantization", "engine.kv_cache_dtype"};
    case Cause::step:
      return {budget, "engine.max_num_seqs", "cost.per_request"};
    case Cause::kv_blocks:
      return {"engine.num_gpu_blocks_override", share, "engine.kv_cache_dtype", "engine.quantization",
              "engine.max_num_seqs"};
    case Cause::prefill:
      return {"engine.enable_prefix_caching", "engine.quantization", budget};
    case Cause::interference:
      return {budget, "engine.quantization"};
    case Cause::decode:
      return {"engine.quantization", "engine.kv_cache_dtype", "engine.max_num_seqs", "engine.enforce_eager"};
    case Cause::overhead: {
      Keys keys = host_costs();
      keys.insert(keys.end(), {"engine.enforce_eager", "engine.async_scheduling", "engine.max_num_seqs"});
      return keys;
    }
    case Cause::kv_transfer:
      return {"disaggregation.per_descriptor", "disaggregation.setup"};
    case Cause::hand_over:
      return {"disaggregation.pick_up", "disaggregation.hop"};
    case Cause::communication:
    case Cause::attempts:
    case Cause::replica:  // larger changes: more replicas, earlier
      return {};
  }
  return {};
}

// Of one pool the key that it would have alone.
std::string without_pool(const std::string& knob) {
  constexpr std::string_view kPools = "pools.";
  const auto end = knob.starts_with(kPools) ? knob.find('.', kPools.size()) : std::string::npos;
  return end == std::string::npos ? knob : knob.substr(end + 1);
}

bool is_hardware(const std::string& of) {
  const std::string knob = without_pool(of);
  return knob == "replicas" || knob == "hardware.gpu" || knob == "engine.tensor_parallel_size";
}

std::optional<std::string> resolved(const Scenario& s, const std::string& path) {
  for (const ResolvedField& f : s.fields) {
    if (f.path == path) return to_text(f.value, 0);
  }
  return std::nullopt;
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

// What is between pools, as if it cost nothing.
void add_hand_over(std::vector<KnobChange>& changes, const Scenario& s) {
  if (s.hand_over.semantics.empty()) return;
  if (s.hand_over.rules.pick_up == HandOverRules::PickUp::after_step)
    changes.push_back({"KV caches seen at the next call", {"disaggregation.pick_up=next_call"}});
  for (const char* key : {"hop", "setup", "per_descriptor"}) {
    const std::string path = fmt::format("disaggregation.{}", key);
    const std::optional<std::string> value = resolved(s, path);
    if (value && value->find_first_of("123456789") != std::string::npos)
      changes.push_back({path + " -> 0", {path + "=0 s"}});
  }
}

// `prefix`: of the keys of one pool.
void add_memory(std::vector<KnobChange>& changes, const Scenario& s, const std::string& prefix = {}) {
  constexpr double kMost = 0.95;  // beyond it real engines run out of memory
  const std::string key = memory_share_key(s);
  const double share = s.memory.gpu_memory_utilization;
  if (s.memory.num_gpu_blocks_override) {
    const auto blocks = s.engine.num_gpu_blocks;
    changes.push_back({fmt::format("num_gpu_blocks_override {} -> {}", blocks, 2 * blocks),
                       {fmt::format("{}engine.num_gpu_blocks_override={}", prefix, 2 * blocks)}});
  } else if (share < kMost) {
    changes.push_back({fmt::format("{} {:.3g} -> {:g}", last_part(key), share, kMost),
                       {fmt::format("{}{}={:g}", prefix, key, kMost)}});
  }
}

// Of replicas that come and go: more of them earlier. `prefix`: of the keys of one pool.
void add_fleet(std::vector<KnobChange>& changes, const ClusterConfig& cluster, const std::string& prefix = {}) {
  constexpr double kLower = 0.8;
  const AutoscalerConfig& a = cluster.fleet.autoscaler;
  if (!cluster.fleet.on || a.policy == AutoscalerPolicy::none) return;
  const std::string at = prefix + "fleet.autoscaler.";
  if (a.policy != AutoscalerPolicy::dynamo && a.policy != AutoscalerPolicy::wva)
    changes.push_back({fmt::format("{}target {:g} -> {:g}", at, a.target, a.target * kLower),
                       {fmt::format("{}target={:g}", at, a.target * kLower)}});
  if (a.least < a.most)
    changes.push_back({fmt::format("{}min_replicas {} -> {}", at, a.least, a.least + 1),
                       {fmt::format("{}min_replicas={}", at, a.least + 1),
                        fmt::format("{}replicas={}", prefix, std::max(cluster.fleet.at_start, a.least + 1))}});
  if (cluster.fleet.cold_start.provisioning > Duration{})
    changes.push_back({fmt::format("nodes that stand by ({}fleet.cold_start.node -> 0)", prefix),
                       {fmt::format("{}fleet.cold_start.node=0 s", prefix)}});
}

void add_host(std::vector<KnobChange>& changes, const Scenario& s) {
  for (const std::string& path : host_costs()) {
    const std::optional<std::string> value = resolved(s, path);
    const bool is_zero = !value || value->find_first_of("123456789") == std::string::npos;
    if (is_zero) continue;
    changes.push_back({fmt::format("{} -> 0", path), {path + "=0 s"}});
  }
  if (resolved(s, "engine.enforce_eager") == "true")
    changes.push_back({"CUDA graphs on", {"engine.enforce_eager=false"}});
  if (resolved(s, "engine.async_scheduling") == "false")
    changes.push_back({"asynchronous scheduling on", {"engine.async_scheduling=true"}});
}

}  // namespace

std::string memory_share_key(const Scenario& s) {
  return std::string(find_engine(s.engine.name).memory_share.key);
}

std::string token_budget_key(const Scenario& s) {
  return std::string(find_engine(s.engine.name).token_budget.key);
}

std::vector<KnobChange> setting_changes(const RequestExplanation& e, const std::string& catalog_dir) {
  std::vector<KnobChange> all;
  for (Fix& fix : candidate_fixes(e.scenario, catalog_dir)) {
    KnobChange change{std::move(fix.change), std::move(fix.set)};
    if (!is_hardware(change.knob())) all.push_back(std::move(change));
  }
  if (e.scenario.pools.empty()) add_memory(all, e.scenario);
  for (const PoolPlan& pool : e.scenario.pools)
    add_memory(all, only_pool(e.scenario, pool), "pools." + pool.name + ".");
  add_host(all, e.scenario);
  add_hand_over(all, e.scenario);
  const Keys wanted = knobs_for(e);
  std::erase_if(all, [&](const KnobChange& c) {
    return std::find(wanted.begin(), wanted.end(), without_pool(c.knob())) == wanted.end();
  });
  return all;
}

std::vector<KnobChange> larger_changes(const RequestExplanation& e, const std::string& catalog_dir) {
  std::vector<KnobChange> changes;
  std::vector<std::string> sized;  // the smallest step of each number of replicas
  if (e.scenario.pools.empty()) add_fleet(changes, e.scenario.cluster);
  for (const PoolPlan& pool : e.scenario.pools) add_fleet(changes, pool.cluster, "pools." + pool.name + ".");
  for (Fix& fix : candidate_fixes(e.scenario, catalog_dir)) {
    KnobChange change{std::move(fix.change), std::move(fix.set)};
    if (!is_hardware(change.knob())) continue;
    // How many are there at first is not how many there are.
    if (e.scenario.cluster.fleet.on && without_pool(change.knob()) == "replicas") continue;
    if (without_pool(change.knob()) == "replicas") {
      if (std::find(sized.begin(), sized.end(), change.knob()) != sized.end()) continue;
      sized.push_back(change.knob());
    }
    changes.push_back(std::move(change));
  }
  constexpr double kLess = 0.8;
  if (const Result<LoadKnob> load = load_knob(e.scenario); load && load->offered * kLess >= load->least) {
    const double less =
        load->whole ? static_cast<double>(static_cast<std::int64_t>(load->offered * kLess)) : load->offered * kLess;
    if (less > 0)
      changes.push_back(
          {fmt::format("a load of {} instead of {} {}", plain_figure(less), plain_figure(load->offered), load->unit),
           load->set(less)});
  }
  return changes;
}

}  // namespace foretoken
