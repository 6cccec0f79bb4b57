// From resolved values to typed structs, one part of the scenario each. Problems go to the
// resolver; what is built after an error is not used.
#pragma once

#include "foretoken/scenario/catalog.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "scenario/resolver.hpp"
#include "serving/engines/engine_knobs.hpp"

namespace foretoken {

// The scenario's text with the overrides and the axes of the command line in it.
[[nodiscard]] Result<YamlNode> scenario_tree(const std::string& text, const std::string& origin,
                                             const LoadOptions& options, Diagnostics& problems);

// Where a scenario came from, for what depends on the order in which it was given.
struct ScenarioInput {
  const std::string& text;
  const std::string& origin;
  const LoadOptions& options;
};

// GPU, links, model, formats, parallelism and cost terms.
void build_deployment(Resolver& values, const Catalog& catalog, Scenario& scenario);
// engine.speculative_config; after the deployment.
void build_speculation(Resolver& values, const Catalog& catalog, Scenario& scenario);
// engine.enable_lora, after the deployment; then what requests ask for, and both together.
void build_lora(Resolver& values, Scenario& scenario);
void read_adapters(Resolver& values, WorkloadConfig& workload);
void build_adapters(Resolver& values, Scenario& scenario);
// n, best_of, beams; when the cluster is built.
void build_answers(Resolver& values, Scenario& scenario);
// Images and sounds in prompts, which the model says the size of; after the deployment.
void build_media(Resolver& workload, Resolver& engine, Scenario& scenario);
// How the engine takes them in; its token budget is known.
void build_encoder(Resolver& values, Scenario& scenario);
// What of it the classes of the workload say.
void build_class_acceptance(Resolver& values, Scenario& scenario);
// Engine knobs, by the engine's own default rules; needs the deployment.
// hands_over: its replicas are of a pool of role prefill or decode.
void build_engine(Resolver& values, Scenario& scenario, bool hands_over = false);
// KV caches outside the GPU; after the rest of the engine.
void build_kv_offload(Resolver& values, EngineKnobs& knobs, Scenario& scenario);
void build_workload(Resolver& values, Scenario& scenario);
// Clients that give up and try again.
void build_client(Resolver& values, Scenario& scenario);
// workload.load_factor on all that was built of the workload.
void apply_load_factor(Resolver& values, Scenario& scenario);
// SLO lines, sweep, conventions, seeds.
void build_questions(Resolver& values, const Catalog& catalog, Scenario& scenario);
// What `foretoken capacity` and `promise` look for.
void build_capacity(Resolver& values, Scenario& scenario);
// What `foretoken placement` may use.
void build_placement(Resolver& values, const Catalog& catalog, Scenario& scenario);
// The axes of `sweep` and of `recommend.over`.
void build_axes(Resolver& values, const Catalog& catalog, Scenario& scenario);
// Replicas, router and GPU count.
void build_cluster(Resolver& values, bool spares_down, Scenario& scenario);
void build_routing(Resolver& values, Scenario& scenario);
// Who is not let in.
void build_admission(Resolver& values, Scenario& scenario);
// Replicas that come and go; after their number is known, and before the router.
void build_fleet(Resolver& values, Scenario& scenario);
// Who decides how many there are; part of it.
void build_autoscaler(Resolver& values, FleetConfig& fleet);
// When all is built.
void check_routing(Resolver& values, const Scenario& scenario);
// What routers see of a run of this workload.
void check_signals(Resolver& values, const ClusterConfig& cluster, const Scenario& scenario,
                   const WorkloadSummary& workload);
// Prices, and whether the metrics asked for have what they need; after the deployment and the questions.
void build_prices(Resolver& values, const Catalog& catalog, const ScenarioInput& input, Scenario& scenario);
// 168 multiples from any of its spellings; empty when it was wrong, which is reported.
[[nodiscard]] std::vector<double> read_load_profile(Resolver& values, const YamlNode& node);
// What only shows when the parts meet: a prompt over max_model_len, say.
void check_together(Resolver& values, Scenario& scenario);
// Warns of every given key that changes nothing.
void check_effects(Resolver& values, const Scenario& scenario);
// The same of the keys of one pool.
void check_effects_of_pool(Resolver& values, const Scenario& pool);

// The pools, with all that they inherit, and what has to agree between them. `tree` is the scenario's.
void build_pools(Resolver& values, const YamlNode& tree, const Catalog& catalog, const ScenarioInput& input,
                 Scenario& scenario);
// The way between the pools.
void build_hand_over(Resolver& values, const Catalog& catalog, Scenario& scenario);
[[nodiscard]] bool has_kv_cache(const DraftSpec& draft);
void check_layouts(Resolver& values, const Scenario& scenario);
void check_connectors(Resolver& values, const Scenario& scenario);
// Stores that several pools share.
void check_stores(Resolver& values, const Scenario& scenario);
// Pools and the workload together.
void check_pools(Resolver& values, Scenario& scenario);
// `pools[2]`, whose numbers count pools that are left out too.
[[nodiscard]] std::string key_of_pool(Resolver& values, const PoolPlan& pool);

// `distribution` and its parameters, or a plain number of tokens.
[[nodiscard]] LengthConfig read_lengths(Resolver& values, const std::string& path);

// The length keys under `prefix`; a class takes what it does not say from `inherited`.
[[nodiscard]] LengthPairConfig read_length_pair(Resolver& values, const std::string& prefix,
                                                const LengthPairConfig* inherited);

}  // namespace foretoken
