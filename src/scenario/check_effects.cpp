// Keys that are given but change nothing in this scenario: none is silently ignored.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "scenario/build.hpp"
#include "scenario/field_table.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

struct Effect {
  const char* path;
  bool (*idle)(const Scenario&);
  const char* reason;
};

bool is_unbalanced(const Scenario& s) {
  return !s.engine.attention_dp_enable_balance;
}
bool is_affine(const Scenario& s) {
  return s.deployment.level == CostLevel::affine;
}
bool is_not_affine(const Scenario& s) {
  return !is_affine(s);
}
bool has_remote_store(const EngineConfig& engine) {
  return std::ranges::any_of(engine.kv_offload.tiers, [](const KvTierConfig& t) { return t.tier == KvTier::remote; });
}
bool is_in_a_node(const Deployment& d) {
  return d.parallelism.gpus() <= d.node.gpus_per_node;
}
// Nothing goes over the links between nodes: no collective, no KV cache from pool to pool or to a remote store.
bool stays_in_a_node(const Scenario& s) {
  const std::string& link = s.hand_over.link;
  return is_in_a_node(s.deployment) && !has_remote_store(s.engine) &&
         (link.empty() || link == s.deployment.gpu.scale_up_link.id) &&
         std::ranges::all_of(
             s.pools, [](const PoolPlan& p) { return is_in_a_node(p.deployment) && !has_remote_store(p.engine); });
}

bool has_no_efficiencies(const Scenario& s) {
  return is_affine(s) || s.deployment.level == CostLevel::datasheet;
}
bool is_open_loop(const Scenario& s) {
  return !s.workload.max_concurrency;
}
bool has_no_pause(const Scenario& s) {
  return s.workload.think_time.mean == Duration{};
}

constexpr Effect kEffects[] = {
    {"engine.batch_wait_max_tokens_ratio", [](const Scenario& s) { return s.engine.batch_wait_timeout_iters == 0; },
     "engine.batch_wait_timeout_iters is 0"},
    {"engine.attention_dp_enable_balance", [](const Scenario& s) { return s.engine.data_parallel_size == 1; },
     "engine.data_parallel_size is 1"},
    {"engine.api_server_count", [](const Scenario& s) { return s.engine.data_parallel_size == 1; },
     "engine.data_parallel_size is 1"},
    {"engine.attention_dp_timeout_iters", is_unbalanced, "engine.attention_dp_enable_balance is false"},
    {"engine.attention_dp_batching_wait_iters", is_unbalanced, "engine.attention_dp_enable_balance is false"},
    {"engine.max_cudagraph_capture_size", [](const Scenario& s) { return s.deployment.cuda_graph_max_rows == 0; },
     "engine.enforce_eager is true"},
    {"engine.cudagraph_capture_sizes", [](const Scenario& s) { return s.deployment.cuda_graph_max_rows == 0; },
     "engine.enforce_eager is true"},
    {"hardware.power_cap", is_affine, "cost.level: affine has no hardware"},
    {"hardware.mig_profile", is_affine, "cost.level: affine has no hardware"},
    {"engine.gpu_memory_utilization", is_affine, "cost.level: affine has no hardware"},
    {"engine.kv_cache_dtype", is_affine, "cost.level: affine has no hardware"},
    {"engine.moe_backend", [](const Scenario& s) { return is_affine(s) || s.deployment.model.moe.experts == 0; },
     "the model has no routed experts"},
    {"engine.float32_matmul_precision",
     [](const Scenario& s) { return is_affine(s) || !s.deployment.model.moe.router_float32; },
     "the model's router is not in 32 bits"},
    {"engine.quantization", is_affine, "cost.level: affine has no hardware"},
    {"engine.enforce_eager", is_affine, "cost.level: affine has no hardware"},
    {"engine.max_cudagraph_capture_size", is_affine, "cost.level: affine has no hardware"},
    {"engine.cudagraph_capture_sizes", is_affine, "cost.level: affine has no hardware"},
    {"memory.activations", is_affine, "cost.level: affine has no hardware"},
    {"memory.cuda_graphs", is_affine, "cost.level: affine has no hardware"},
    {"memory.non_torch", is_affine, "cost.level: affine has no hardware"},
    {"cost.compute_efficiency", has_no_efficiencies, "this cost.level takes no efficiencies"},
    {"cost.memory_efficiency", has_no_efficiencies, "this cost.level takes no efficiencies"},
    {"cost.link_efficiency", has_no_efficiencies, "this cost.level takes no efficiencies"},
    {"cost.compute_efficiency_scale", has_no_efficiencies, "this cost.level takes no efficiencies"},
    {"cost.memory_efficiency_scale", has_no_efficiencies, "this cost.level takes no efficiencies"},
    {"cost.per_step", is_affine, "give cost.affine.per_step"},
    {"cost.per_layer", is_affine, "cost.level: affine has no layers"},
    {"cost.per_sequence", is_affine, "give cost.affine.per_decode_token"},
    {"cost.per_prefill_layer", is_affine, "cost.level: affine has no hardware"},
    {"cost.per_prefill_moe_layer", is_affine, "cost.level: affine has no hardware"},
    {"cost.per_allreduce", is_affine, "cost.level: affine has no hardware"},
    {"cost.scale", is_affine, "cost.level: affine has no hardware"},
    {"cost.affine.per_step", is_not_affine, "only cost.level: affine reads it"},
    {"cost.affine.per_prefill_token", is_not_affine, "only cost.level: affine reads it"},
    {"cost.affine.per_decode_token", is_not_affine, "only cost.level: affine reads it"},
    {"cost.affine.per_context_token", is_not_affine, "only cost.level: affine reads it"},
    {"hardware.scale_out_link", stays_in_a_node, "nothing leaves a node"},
    {"hardware.nics_per_node", stays_in_a_node, "nothing leaves a node"},
    {"hardware.oversubscription", stays_in_a_node, "nothing leaves a node"},
    {"engine.all2all_backend", [](const Scenario& s) { return s.deployment.parallelism.data == 1; },
     "there is one rank of attention (engine.data_parallel_size)"},
    {"router", [](const Scenario& s) { return replicas_in_all(s) == 1; }, "there is one replica"},
    {"workload.stop_string_share",
     [](const Scenario& s) { return s.workload.ignore_eos || s.workload.max_tokens == 0; },
     "it needs workload.ignore_eos: false and workload.max_tokens, or every end is foreseen"},
    {"workload.max_tokens", [](const Scenario& s) { return s.workload.ignore_eos; }, "workload.ignore_eos is true"},
    {"workload.think_time", is_open_loop, "without workload.max_concurrency nobody waits for an answer"},
    {"workload.think_time_distribution", has_no_pause, "there is no workload.think_time"},
    {"workload.client_delay", [](const Scenario& s) { return is_open_loop(s) && !s.workload.sessions; },
     "without workload.max_concurrency or sessions no send follows a finish"},
    {"workload.sessions.think_time_distribution",
     [](const Scenario& s) { return s.workload.sessions && s.workload.sessions->think_time.mean == Duration{}; },
     "there is no workload.sessions.think_time"},
};

// Of a knob that this engine does not read; empty where it does.
std::string why_unread(const EngineProfile& engine, std::string_view key) {
  if (engine.reads(key)) return {};
  if (key == TokenBudgetKnob{}.key || key == MemoryShareKnob{}.key)
    return fmt::format("{} has {}", engine.info.name, engine.instead_of(key));
  const std::vector<std::string_view> readers = engines_with_own(key);
  if (readers.empty()) return {};
  const auto last = readers.end() - 1;
  return fmt::format("only engine.name: {}{}{} {} it", fmt::join(readers.begin(), last, ", "),
                     readers.size() > 1 ? " and " : "", *last, readers.size() > 1 ? "read" : "reads");
}

void check_classes(Resolver& values, const Scenario& s) {
  const auto& classes = s.workload.classes;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string priority = fmt::format("workload.classes[{}].priority", i);
    if (values.given(priority) && s.engine.scheduling_policy != "priority") {
      values.warning(
          priority,
          fmt::format("'{}' has no effect: engine.scheduling_policy is {}", priority, s.engine.scheduling_policy),
          "set engine.scheduling_policy: priority");
    }
    const std::string share = fmt::format("workload.classes[{}].fair_share", i);
    if (values.given(share) && s.engine.scheduling_policy != "vtc") {
      values.warning(
          share, fmt::format("'{}' has no effect: engine.scheduling_policy is {}", share, s.engine.scheduling_policy),
          "set engine.scheduling_policy: vtc");
    }
  }
  for (std::size_t i = 0; i < classes.size() && s.pools.empty(); ++i) {
    if (!classes[i].model.empty())
      values.warning(fmt::format("workload.classes[{}].model", i),
                     fmt::format("'workload.classes[{}].model' has no effect: there is one model", i),
                     "give several in pools");
  }
  if (s.engine.scheduling_policy == "vtc" && classes.size() < 2)
    values.warning("engine.scheduling_policy", "'engine.scheduling_policy: vtc' has no effect: there is one class",
                   "name classes in workload.classes");
  const bool hands_over =
      std::any_of(s.pools.begin(), s.pools.end(), [](const PoolPlan& p) { return p.role != PoolRole::both; });
  if (s.engine.scheduling_policy == "vtc" && hands_over)
    values.error("engine.scheduling_policy", "'engine.scheduling_policy: vtc' with hand-overs is not modelled", "fcfs");
  const bool all_have = !classes.empty() && std::all_of(classes.begin(), classes.end(),
                                                        [](const RequestClass& c) { return c.goodput.any(); });
  if (all_have && s.workload.goodput.any())
    values.warning("goodput", "'goodput' has no effect: every class has limits of its own");
}

void check_keys(Resolver& values, const Scenario& s) {
  const EngineProfile& engine = find_engine(s.engine.name);
  std::vector<std::string_view> said;
  const auto say = [&](std::string_view path, const std::string& reason) {
    if (std::find(said.begin(), said.end(), path) != said.end()) return;
    said.push_back(path);
    values.mark_read(std::string(path));
    values.warning(std::string(path), fmt::format("'{}' has no effect: {}", path, reason));
  };
  for (const Field& field : scenario_fields()) {
    if (!values.given(std::string(field.path))) continue;
    if (const std::string reason = why_unread(engine, field.path); !reason.empty()) say(field.path, reason);
  }
  for (const Effect& effect : kEffects) {
    if (values.given(effect.path) && effect.idle(s)) say(effect.path, effect.reason);
  }
}

void check_levels(Resolver& values, const Scenario& s) {
  for (const char* path : {"cost.compute_efficiency", "cost.memory_efficiency", "cost.link_efficiency"}) {
    if (s.deployment.level != CostLevel::calibrated || !values.given(path)) continue;
    values.warning(path,
                   fmt::format("'{}' changes only operators without a measured set: cost.level is calibrated", path),
                   "cost.level: roofline applies it to every operator");
  }
  if (s.deployment.level == CostLevel::calibrated && s.deployment.calibration->sets.empty()) {
    values.warning("cost.level", "the catalog has no measured sets: every operator is priced by the roofline");
  }
}

}  // namespace

void check_effects(Resolver& values, const Scenario& s) {
  if (s.pools.empty()) check_keys(values, s);
  check_classes(values, s);
  for (const std::string& path : values.unread())
    values.warning(path, fmt::format("'{}' has no effect in this scenario", path), "remove it");
  if (!s.workload.ignore_eos && s.workload.max_tokens == 0) {
    values.warning(
        "workload.ignore_eos",
        "'workload.ignore_eos' is false but there is no workload.max_tokens: policies know the output length");
  }
  if (s.pools.empty()) check_levels(values, s);
}

void check_effects_of_pool(Resolver& values, const Scenario& pool) {
  check_keys(values, pool);
  check_levels(values, pool);
  for (const std::string& path : values.unread())
    values.warning(path, fmt::format("'{}' has no effect in this pool", path), "remove it");
}

}  // namespace foretoken
