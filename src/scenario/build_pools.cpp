// A deployment of several pools: each is built as if it were all of the scenario, then they are held together.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

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
  for (const PoolRole one : {PoolRole::prefill, PoolRole::decode, PoolRole::encoder}) {
    if (role == to_string(one)) return one;
  }
  return PoolRole::both;
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
    if (role == PoolRole::both || role == PoolRole::encoder) continue;
    const bool computes = role == PoolRole::prefill;
    values.error(path_of(i) + ".role",
                 fmt::format("pool '{}' has role {}, and no pool has role {}: nobody would {}", s.pools[i].name,
                             computes ? "prefill" : "decode", computes ? "decode" : "prefill",
                             computes ? "take the requests that it hands over" : "hand requests over to it"),
                 "a pool of role both does all of a request");
  }
}

constexpr const char* kImages = "workload.random_mm_bucket_config";

// Images and sounds go through a pool of role encoder, and that pool does nothing else.
void check_encoders(Resolver& values, const Scenario& s) {
  const bool encodes = has_role(s, PoolRole::encoder);
  if (values.given(kImages) && !encodes)
    values.error(kImages, "images and sounds in prompts are simulated with pools where one of them encodes them",
                 "give a pool role: encoder, or leave pools out");
  for (std::size_t i = 0; i < s.pools.size() && encodes; ++i) {
    if (s.pools[i].role != PoolRole::encoder) continue;
    if (!values.given(kImages))
      values.error(path_of(i) + ".role",
                   fmt::format("pool '{}' encodes images and sounds, and prompts have none", s.pools[i].name),
                   "workload.random_mm_bucket_config: [{height: 1080, width: 1920}]");
  }
  const bool language =
      std::any_of(s.pools.begin(), s.pools.end(), [](const PoolPlan& p) { return p.role != PoolRole::encoder; });
  if (encodes && !language)
    values.error("pools", "all pools have role encoder: nobody would compute prompts", "add one of role both");
}

// Keys that are of the whole deployment, and say nothing of a pool.
void check_keys_of_the_whole(Resolver& values, const Scenario& s) {
  if (values.given("spare"))
    values.error("spare", "'spare' with pools is not modelled",
                 "leave it out, and judge with a replica fewer in a pool");
  if (values.given("hardware.nodes"))
    values.error("hardware.nodes", "'hardware.nodes' of several pools together says nothing",
                 "say it of a pool: pools.NAME.hardware.nodes");
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    if (values.given(path_of(i) + ".cost.per_request"))
      values.error(path_of(i) + ".cost.per_request", "'cost.per_request' is of the way from the client to all pools",
                   "say it at the top level");
  }
}

// Its router chooses among the replicas of all pools on the same side of a hand-over; and one that the top level gives
// is the other pools' as well.
bool has_choice_elsewhere(Resolver& values, const Scenario& s, std::size_t index) {
  const bool own_router = values.given(path_of(index) + ".router");
  // Pools of role both stand beside those that prefill; images are dealt out among the replicas of one pool.
  const auto side = [](const PoolPlan& pool) { return pool.role == PoolRole::both ? PoolRole::prefill : pool.role; };
  const bool encodes = s.pools[index].role == PoolRole::encoder;
  for (std::size_t other = 0; other < s.pools.size(); ++other) {
    if (other == index) continue;
    if (!encodes && side(s.pools[other]) == side(s.pools[index])) return true;
    if (!own_router && values.maybe_integer(path_of(other) + ".replicas").value_or(1) > 1) return true;
  }
  return false;
}

// Replicas among which its router chooses come and go.
bool comes_and_goes(Resolver& values, const Scenario& s, std::size_t index) {
  for (std::size_t other = 0; other < s.pools.size(); ++other) {
    const bool same_side = (s.pools[other].role == PoolRole::decode) == (s.pools[index].role == PoolRole::decode);
    const bool lives = values.given("fleet") || values.given(path_of(other) + ".fleet");
    if (same_side && lives && s.pools[other].role != PoolRole::encoder) return s.pools[index].role != PoolRole::encoder;
  }
  return false;
}

// Dynamo's planner by latencies looks at prompts or at answers.
void check_planner(Resolver& values, const Scenario& s, std::size_t index, const AutoscalerConfig& a) {
  if (a.policy != AutoscalerPolicy::dynamo || a.aim != PlannerAim::sla) return;
  const PoolPlan& pool = s.pools[index];
  const std::string at = path_of(index) + ".fleet.autoscaler.";
  if (pool.role == PoolRole::both)
    values.error(
        values.given(at + "optimize") ? at + "optimize" : path_of(index) + ".role",
        fmt::format("'optimize: sla' is of pools of role prefill and decode, and pool '{}' does both", pool.name),
        "optimize: latency, or throughput");
  for (const auto& [key, role] : {std::pair{"ttft", PoolRole::decode}, {"itl", PoolRole::prefill}}) {
    if (pool.role == role && values.given(at + key))
      values.warning(at + key, fmt::format("'{}{}' has no effect in a pool of role {}", at, key, to_string(role)));
  }
}

void build_pool(Resolver& values, const YamlNode& tree, const Catalog& catalog, const ScenarioInput& input,
                std::size_t index, Scenario& s) {
  YamlNode own = tree_of_pool(tree, tree.find("pools")->items[index]);
  const bool left_out = values.maybe_integer(path_of(index) + ".replicas") == 0;
  if (left_out) {  // priced and checked as one replica
    const std::string replicas = spelling_in(own, "", "replicas");
    std::erase_if(own.entries, [&](const YamlNode::Entry& e) { return e.key == replicas; });
  }
  values.diagnostics().append(apply_calibration_file(own, input.origin));
  if (s.pools[index].role == PoolRole::encoder) {
    if (values.given(path_of(index) + ".fleet"))
      values.error(path_of(index) + ".fleet", "replicas of role encoder that come and go are not modelled",
                   "leave it out: they stay");
    std::erase_if(own.entries, [](const YamlNode::Entry& e) { return e.key == "fleet"; });
  }
  Resolver sub(own, input.text, input.origin);
  Scenario part;
  part.workload = s.workload;
  const bool encodes = s.pools[index].role == PoolRole::encoder;
  build_deployment(sub, catalog, part);
  if (!sub.diagnostics().has_errors()) build_media(values, sub, part);
  s.workload.media = part.workload.media;
  part.deployment.encodes_only = encodes;
  part.deployment.encoded_elsewhere = part.workload.media.on() && !encodes;
  if (encodes && part.deployment.level == CostLevel::affine)
    values.error(path_of(index) + ".role", "affine costs say nothing of an encoder", "a level of hardware");
  if (!sub.diagnostics().has_errors()) build_engine(sub, part, s.pools[index].role != PoolRole::both);
  if (part.engine.scheduling_policy == "vtc") {
    for (const RequestClass& c : part.workload.classes) part.engine.fair_shares.push_back(c.fair_share);
  }
  build_cluster(sub, false, part);
  if (!sub.diagnostics().has_errors()) check_planner(values, s, index, part.cluster.fleet.autoscaler);
  part.cluster.fleet.autoscaler.sees_prompts = s.pools[index].role != PoolRole::decode;
  part.cluster.fleet.autoscaler.sees_kv = s.pools[index].role != PoolRole::prefill;
  if (part.engine.lora.on() && !sub.diagnostics().has_errors()) build_adapters(sub, part);
  build_prices(sub, catalog, input, part);
  if (!sub.diagnostics().has_errors()) check_calibration_file(sub, part);
  Scenario judged = part;
  judged.cluster.fleet.on = comes_and_goes(values, s, index);
  if (!sub.diagnostics().has_errors()) check_routing(sub, judged);
  judged.cluster.fleet.on = part.cluster.fleet.on;
  if (has_choice_elsewhere(values, s, index)) ++judged.cluster.replicas;
  if (s.pools[index].role != PoolRole::both)
    judged.hand_over.link = "to be chosen";  // whether within a node is not known yet
  if (!sub.diagnostics().has_errors()) check_effects_of_pool(sub, judged);
  values.diagnostics().append(sub.diagnostics());
  PoolPlan& pool = s.pools[index];
  const YamlNode* model = own.find("model");
  const bool named = model != nullptr && model->kind == YamlNode::Kind::scalar;
  pool.served_model_name =
      values.maybe_text(path_of(index) + ".served_model_name").value_or(named ? model->text : part.deployment.model.id);
  const std::string& router = part.cluster.router;
  if (encodes && router != "round_robin" && router != "least_outstanding")
    values.error(path_of(index) + ".router",
                 fmt::format("'router: {}' is not one that deals out images to pool '{}'", router, pool.name),
                 "router: round_robin, or least_outstanding");
  if (pool.role == PoolRole::decode && find_router(part.cluster.router).fetches)
    values.error(path_of(index) + ".router",
                 fmt::format("'router: {}' chooses where prompts are computed, and pool '{}' computes none",
                             part.cluster.router, pool.name),
                 "least_outstanding, or any other");
  pool.deployment = part.deployment;
  pool.weight = values.maybe_number(path_of(index) + ".weight").value_or(0);
  pool.memory = part.memory;
  pool.engine = part.engine;
  pool.cluster = part.cluster;
  pool.num_gpus = part.num_gpus;
  if (left_out) pool.cluster.replicas = pool.num_gpus = 0;
  if (left_out && pool.role != PoolRole::both)
    values.error(path_of(index) + ".replicas",
                 fmt::format("pool '{}' of role {} has no replicas", pool.name, to_string(pool.role)), "1 or more");
  pool.gpu_hour = part.prices.gpu_hour;
  s.prices.given = part.prices.given;
  for (ResolvedField field : sub.fields()) {
    if (field.path == "version" || field.path.starts_with("prices")) continue;
    if (field.path == "model" && !values.given(path_of(index) + ".model")) continue;
    field.path = path_of(index) + "." + field.path;
    values.adopt(std::move(field));
  }
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Whom nobody serves, and who does not say what is wanted, where there is a choice.
void check_models_of_classes(Resolver& values, const Scenario& s, const std::vector<std::string>& models) {
  for (std::size_t i = 0; i < s.workload.classes.size(); ++i) {
    const RequestClass& c = s.workload.classes[i];
    const std::string at = fmt::format("workload.classes[{}]", i);
    if (c.model.empty() && models.size() > 1)
      values.error(at, fmt::format("class '{}' does not say which model it asks for", c.name),
                   "model: one of " + listed(models));
    if (!c.model.empty() && std::find(models.begin(), models.end(), c.model) == models.end())
      values.error(at + ".model", fmt::format("no pool serves '{}', which class '{}' asks for", c.model, c.name),
                   "served are " + listed(models));
  }
}

// The router of a way is that of its first pool.
void check_weights(Resolver& values, const Scenario& s) {
  for (const PoolPlan& pool : s.pools) {
    if (!(pool.weight > 0)) continue;
    const auto same_way = [&](const PoolPlan& p) {
      return p.served_model_name == pool.served_model_name &&
             (p.role == PoolRole::decode) == (pool.role == PoolRole::decode);
    };
    const PoolPlan& first = *std::find_if(s.pools.begin(), s.pools.end(), same_way);
    if (first.cluster.router != "random")
      values.error(key_of_pool(values, pool) + ".weight",
                   fmt::format("'router: {}' of pool '{}' takes no weights", first.cluster.router, first.name),
                   "router: random");
  }
}

void check_models(Resolver& values, const Scenario& s) {
  const std::vector<std::string> models = served_models(s.pools);
  check_models_of_classes(values, s, models);
  if (models.size() < 2) return;
  if (s.workload.classes.empty())
    values.error("pools",
                 fmt::format("the pools serve {}, and no class of the workload says which it asks for", listed(models)),
                 "name classes in workload.classes, each with its model");
  for (const PoolPlan& pool : s.pools) {
    if (pool.role != PoolRole::both)
      values.error(key_of_pool(values, pool) + ".role",
                   "hand-overs between pools of one of several models are not modelled", "role: both, or one model");
    const auto asks = [&](const RequestClass& c) { return c.model == pool.served_model_name && c.weight > 0; };
    if (!s.workload.classes.empty() && std::none_of(s.workload.classes.begin(), s.workload.classes.end(), asks))
      values.warning(key_of_pool(values, pool),
                     fmt::format("pool '{}' stands idle: no class asks for '{}'", pool.name, pool.served_model_name));
  }
}

// Requests wait where they enter, by what the first pool with a fleet there says, or the first one that decodes.
void check_lobbies(Resolver& values, const Scenario& s) {
  for (const std::string& model : served_models(s.pools)) {
    const PoolPlan* says = nullptr;
    for (const bool decodes : {false, true}) {
      for (const PoolPlan& pool : s.pools) {
        if (!pool.cluster.fleet.on || pool.served_model_name != model || (pool.role == PoolRole::decode) != decodes)
          continue;
        if (says == nullptr) {
          says = &pool;
          continue;
        }
        for (const char* key : {"when_none_ready", "hold_requests", "hold_timeout"}) {
          const std::string path = key_of_pool(values, pool) + ".fleet." + key;
          if (values.given(path))
            values.warning(path, fmt::format("'{}' has no effect: requests wait as pool '{}' says", path, says->name));
        }
      }
    }
  }
}

void take_main_pool(Resolver& values, Scenario& s) {
  const PoolPlan& pool = main_pool(s.pools);
  s.deployment = pool.deployment;
  s.memory = pool.memory;
  s.engine = pool.engine;
  s.cluster = pool.cluster;
  s.cluster.fleet.on = std::any_of(s.pools.begin(), s.pools.end(), [](const auto& p) { return p.cluster.fleet.on; });
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
    if (&pool == &first || pool.role == PoolRole::encoder || !has_role(s, PoolRole::prefill)) continue;
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

}  // namespace

void build_pools(Resolver& values, const YamlNode& tree, const Catalog& catalog, const ScenarioInput& input,
                 Scenario& s) {
  s.pools.resize(values.count("pools"));
  read_names(values, s);
  check_roles(values, s);
  check_encoders(values, s);
  check_keys_of_the_whole(values, s);
  values.record_given("model");
  if (values.diagnostics().has_errors()) return;
  for (std::size_t i = 0; i < s.pools.size(); ++i) build_pool(values, tree, catalog, input, i, s);
  std::erase_if(s.pools, [](const PoolPlan& pool) { return pool.cluster.replicas == 0; });
  if (s.pools.empty()) values.error("pools", "no pool has a replica", "replicas: 1");
  if (!s.pools.empty()) check_models(values, s);
  check_weights(values, s);
  check_lobbies(values, s);
  for (const char* key : {"pools", "hardware", "engine", "memory", "cost", "replicas", "router", "routing", "fleet"})
    values.mark_tree_read(key);
  if (values.diagnostics().has_errors()) return;
  take_main_pool(values, s);
  build_admission(values, s);
  check_agreement(values, s);
  check_stores(values, s);
  if (!values.diagnostics().has_errors()) build_hand_over(values, catalog, s);
}

}  // namespace foretoken
