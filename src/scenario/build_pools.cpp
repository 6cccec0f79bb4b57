// A deployment of several pools: each is built as if it were all of the scenario, then they are held together.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scenario/build.hpp"
#include "scenario/calibration_file.hpp"
#include "scenario/pool_tree.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

std::string path_of(std::size_t pool) {
  return fmt::format("pools[{}]", pool);
}

PoolRole role_of(const std::string& role) {
  return role == "prefill" ? PoolRole::prefill : role == "decode" ? PoolRole::decode : PoolRole::both;
}

// A step of a path.
bool is_plain_name(const std::string& name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !name.empty() && name.find_first_not_of(kAllowed) == std::string::npos;
}

void read_names(Resolver& values, Scenario& s) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    PoolPlan& pool = s.pools[i];
    const std::string at = path_of(i);
    pool.name = values.maybe_text(at + ".name").value_or("");
    pool.role = role_of(values.text(at + ".role"));
    if (!is_plain_name(pool.name)) {
      values.error(at + ".name",
                   pool.name.empty() ? fmt::format("'{}' has no name", at)
                                     : fmt::format("'{}' is not a name of letters, digits, - and _", pool.name),
                   "name: prefill");
    } else if (!seen.insert(pool.name).second) {
      values.error(at + ".name", fmt::format("there are two pools of the name '{}'", pool.name));
    }
  }
}

bool has_role(const Scenario& s, PoolRole role) {
  return std::any_of(s.pools.begin(), s.pools.end(), [&](const PoolPlan& p) { return p.role == role; });
}

void check_roles(Resolver& values, const Scenario& s) {
  const bool prefill = has_role(s, PoolRole::prefill), decode = has_role(s, PoolRole::decode);
  for (std::size_t i = 0; i < s.pools.size() && prefill != decode; ++i) {
    const PoolRole role = s.pools[i].role;
    if (role == PoolRole::both) continue;
    const bool computes = role == PoolRole::prefill;
    values.error(path_of(i) + ".role",
                 fmt::format("pool '{}' has role {}, and no pool has role {}: nobody would {}", s.pools[i].name,
                             computes ? "prefill" : "decode", computes ? "decode" : "prefill",
                             computes ? "take the requests that it hands over" : "hand requests over to it"),
                 "a pool of role both does all of a request");
  }
}

// Keys that are of the whole deployment, and say nothing of a pool.
void check_keys_of_the_whole(Resolver& values, const Scenario& s) {
  if (values.given("spare"))
    values.error("spare", "'spare' with pools is not modelled",
                 "leave it out, and judge with a replica fewer in a pool");
  if (values.given("admission"))
    values.error("admission", "'admission' with pools is not modelled",
                 "leave it out, or limit engine.max_waiting_requests");
  if (values.given("fleet"))
    values.error("fleet", "'fleet' with pools is not modelled", "leave pools out: one kind of replica comes and goes");
  const ClientConfig& client = s.workload.client;
  if (has_role(s, PoolRole::decode) && client.on && client.aborts &&
      std::max(client.timeout, client.total_timeout) > Duration{})
    values.error("workload.client.on_timeout",
                 "aborts of requests that are handed over from pool to pool are not modelled", "on_timeout: continue");
  if (values.given("hardware.nodes"))
    values.error("hardware.nodes", "'hardware.nodes' of several pools together says nothing",
                 "say it of a pool: pools.NAME.hardware.nodes");
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    if (values.given(path_of(i) + ".cost.per_request"))
      values.error(path_of(i) + ".cost.per_request", "'cost.per_request' is of the way from the client to all pools",
                   "say it at the top level");
  }
}

void build_pool(Resolver& values, const YamlNode& tree, const Catalog& catalog, const ScenarioInput& input,
                std::size_t index, Scenario& s) {
  YamlNode own = tree_of_pool(tree, tree.find("pools")->items[index]);
  values.diagnostics().append(apply_calibration_file(own, input.origin));
  Resolver sub(own, input.text, input.origin);
  Scenario part;
  part.workload = s.workload;
  build_deployment(sub, catalog, part);
  if (!sub.diagnostics().has_errors()) build_engine(sub, part, s.pools[index].role != PoolRole::both);
  build_cluster(sub, false, part);
  build_prices(sub, catalog, input, part);
  if (!sub.diagnostics().has_errors()) check_calibration_file(sub, part);
  if (!sub.diagnostics().has_errors()) check_routing(sub, part);
  if (!sub.diagnostics().has_errors()) check_effects_of_pool(sub, part);
  values.diagnostics().append(sub.diagnostics());
  PoolPlan& pool = s.pools[index];
  if (pool.role == PoolRole::decode && find_router(part.cluster.router).fetches)
    values.error(path_of(index) + ".router",
                 fmt::format("'router: {}' chooses where prompts are computed, and pool '{}' computes none",
                             part.cluster.router, pool.name),
                 "least_outstanding, or any other");
  pool.deployment = part.deployment;
  pool.memory = part.memory;
  pool.engine = part.engine;
  pool.cluster = part.cluster;
  pool.num_gpus = part.num_gpus;
  pool.gpu_hour = part.prices.gpu_hour;
  s.prices.given = part.prices.given;
  for (ResolvedField field : sub.fields()) {
    if (field.path == "version" || field.path == "model" || field.path.starts_with("prices")) continue;
    field.path = path_of(index) + "." + field.path;
    values.adopt(std::move(field));
  }
}

void take_main_pool(Resolver& values, Scenario& s) {
  const PoolPlan& pool = main_pool(s.pools);
  s.deployment = pool.deployment;
  s.memory = pool.memory;
  s.engine = pool.engine;
  s.cluster = pool.cluster;
  s.engine.per_request = entry_pool(s.pools).engine.per_request;
  s.num_gpus = 0;
  for (const PoolPlan& p : s.pools) s.num_gpus += p.num_gpus;
  const auto given = values.maybe_integer("hardware.num_gpus");
  if (given && *given != s.num_gpus)
    values.error("hardware.num_gpus",
                 fmt::format("'hardware.num_gpus' is {}, but the pools have {} together", *given, s.num_gpus),
                 "leave it out, or change the pools");
  values.integer("hardware.num_gpus", {s.num_gpus, Origin::derived, "of all pools"});
}

// What a request takes along has to be understood where it goes on.
void check_agreement(Resolver& values, const Scenario& s) {
  const PoolPlan& first = entry_pool(s.pools);
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& pool = s.pools[i];
    if (&pool == &first || !has_role(s, PoolRole::prefill)) continue;
    const auto differs = [&](const char* key, const std::string& here, const std::string& there, const char* why) {
      values.error(
          path_of(i) + "." + key,
          fmt::format("'{}' of pool '{}' is {}, of pool '{}' {}: {}", key, pool.name, here, first.name, there, why),
          "let both have the same");
    };
    if (pool.engine.name != first.engine.name)
      differs("engine.name", pool.engine.name, first.engine.name, "engines hand over to their own kind only");
    else if (pool.deployment.kv_format != first.deployment.kv_format)
      differs("engine.kv_cache_dtype", fmt::format("{} bytes", kv_bytes_per_element(pool.deployment)),
              fmt::format("{} bytes", kv_bytes_per_element(first.deployment)), "a KV cache is handed over as it is");
    if ((pool.deployment.level == CostLevel::affine) != (first.deployment.level == CostLevel::affine))
      differs("cost.level", pool.deployment.level == CostLevel::affine ? "affine" : "of hardware",
              first.deployment.level == CostLevel::affine ? "affine" : "of hardware",
              "one of them has no KV cache to move");
  }
}

// A router chooses among all pools where requests enter, or among all that decode; it is the first one's.
void check_weights_of_pools(Resolver& values, const Scenario& s) {
  for (const bool decodes : {false, true}) {
    int replicas = 0;
    const PoolPlan* first = nullptr;
    for (const PoolPlan& pool : s.pools) {
      if ((pool.role == PoolRole::decode) != decodes) continue;
      if (first == nullptr) first = &pool;
      replicas += pool.cluster.replicas;
    }
    if (first == nullptr) continue;
    const auto index = static_cast<std::size_t>(first - s.pools.data());
    check_router_weights(values, path_of(index) + ".", first->cluster, replicas);
  }
}

// KV caches that come faster than they can go: the queue for the link grows without end.
void warn_of_full_links(Resolver& values, const Scenario& s, const WorkloadSummary& workload) {
  double out = 0, in = 0, per_token = 0;
  for (const PoolPlan& pool : s.pools) {
    const double bandwidth = static_cast<double>(pool.link_bandwidth) * pool.cluster.replicas;
    if (pool.role == PoolRole::prefill) out += bandwidth;
    if (pool.role != PoolRole::decode) continue;
    in += bandwidth;
    per_token = static_cast<double>(pool.kv_block_bytes) / pool.engine.block_size;
  }
  const double needed = workload.offered_rate * workload.mean_prompt_tokens * per_token;
  const double most = std::min(out, in);
  if (!(most > 0) || !(needed >= most) || has_role(s, PoolRole::both)) return;
  values.warning(
      "disaggregation",
      fmt::format("KV caches of {:.3g} GB a second are computed, and the links between the pools carry {:.3g}",
                  needed * 1e-9, most * 1e-9),
      "the queue for the link grows: a faster disaggregation.link, more replicas, or a smaller load");
}

}  // namespace

const PoolPlan& main_pool(const std::vector<PoolPlan>& pools) {
  const auto at =
      std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role != PoolRole::prefill; });
  const auto decode =
      std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role == PoolRole::decode; });
  return decode != pools.end() ? *decode : at != pools.end() ? *at : pools.front();
}

const PoolPlan& entry_pool(const std::vector<PoolPlan>& pools) {
  const auto prefill =
      std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role == PoolRole::prefill; });
  return prefill != pools.end() ? *prefill : pools.front();
}

Scenario only_pool(const Scenario& scenario, const PoolPlan& pool) {
  Scenario one = scenario;
  one.pools.clear();
  one.deployment = pool.deployment;
  one.memory = pool.memory;
  one.engine = pool.engine;
  one.engine.per_request = scenario.engine.per_request;
  one.cluster = pool.cluster;
  one.num_gpus = pool.num_gpus;
  one.prices.gpu_hour = pool.gpu_hour;
  return one;
}

void build_pools(Resolver& values, const YamlNode& tree, const Catalog& catalog, const ScenarioInput& input,
                 Scenario& s) {
  s.pools.resize(values.count("pools"));
  read_names(values, s);
  check_roles(values, s);
  check_keys_of_the_whole(values, s);
  values.record_given("model");
  if (values.diagnostics().has_errors()) return;
  for (std::size_t i = 0; i < s.pools.size(); ++i) build_pool(values, tree, catalog, input, i, s);
  for (const char* key : {"pools", "hardware", "engine", "memory", "cost", "replicas", "router", "routing"})
    values.mark_tree_read(key);
  if (values.diagnostics().has_errors()) return;
  take_main_pool(values, s);
  check_agreement(values, s);
  check_weights_of_pools(values, s);
  if (!values.diagnostics().has_errors()) build_hand_over(values, catalog, s);
}

void check_pools(Resolver& values, Scenario& s) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload) return;  // reported
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    PoolPlan& pool = s.pools[i];
    const EngineConfig& engine = pool.engine;
    if (engine.ignore_eos_admission && !s.workload.ignore_eos) pool.engine.ignore_eos_admission = false;
    const std::int64_t longest = std::min(workload->max_prompt_tokens, s.engine.max_model_len - 1);
    const std::int64_t held = engine.kv_layout.longest(std::max<std::int64_t>(0, engine.usable_blocks()),
                                                       engine.max_num_batched_tokens, engine.block_size, longest + 1);
    if (engine.max_model_len <= longest)
      values.error(path_of(i) + ".engine.max_model_len",
                   fmt::format("prompts of {} tokens do not fit max_model_len {} of pool '{}'", longest,
                               engine.max_model_len, pool.name),
                   fmt::format("set it to {} or more", workload->max_total_tokens));
    if (pool.memory.num_gpu_blocks_override && held <= longest)
      values.error(path_of(i) + ".engine.num_gpu_blocks_override",
                   fmt::format("{} KV blocks of pool '{}' hold {} tokens: less than one prompt of {}",
                               *pool.memory.num_gpu_blocks_override, pool.name, held, longest),
                   "raise the blocks");
  }
  warn_of_full_links(values, s, *workload);
}

}  // namespace foretoken
