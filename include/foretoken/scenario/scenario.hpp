// A question, typed and complete: what runs where, under which load, and what is asked.
//
// Example:
//   const Result<Scenario> scenario = load_scenario("chat.yaml", {{"workload.request_rate=40"}});
//   if (!scenario) std::cerr << format(scenario.error());  // chat.yaml:6:1: error: ...
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/cost/deployment.hpp"
#include "foretoken/cost/memory_plan.hpp"
#include "foretoken/hardware/gpu_spec.hpp"
#include "foretoken/metrics/summary.hpp"
#include "foretoken/serving/engine_config.hpp"
#include "foretoken/serving/simulation.hpp"
#include "foretoken/workload/request_source.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

struct PriceConfig {
  bool given = false;  // there is a section `prices`
  Purchase purchase = Purchase::on_demand;
  std::optional<double> gpu_hour;        // USD, of this deployment's GPU bought that way; empty = not said
  bool examples = false;                 // the catalog's example price stands in where gpu_hour says nothing
  std::optional<double> kwh;             // USD
  std::optional<double> grid_g_per_kwh;  // CO2 equivalent
  // For the bill: load by hour of the week from Monday 0:00, as multiples of the offered rate; 168 numbers or none.
  std::vector<double> load_profile;
  std::optional<double> capacity_per_replica;  // requests/s within the objectives; empty = not said
  int min_replicas = 1;                        // kept in the quietest hour
  bool operator==(const PriceConfig&) const = default;
};

struct HourlyPrice {
  double usd = 0;  // of all GPUs of the deployment, running or idle
  double usd_per_gpu = 0;
  bool example = false;  // of the catalog, to try the arithmetic with: every output that uses it must say so
  std::string source;    // prices.gpu_hour (spot)
};

struct Scenario;
// Of the scenario's GPUs bought the scenario's way; empty where nobody gave a price. The catalog's example
// counts if the scenario asks for it (prices.examples) or the caller does.
[[nodiscard]] std::optional<HourlyPrice> price_per_hour(const Scenario& scenario, bool example_will_do = false);

// Of one device.
struct PowerFigures {
  double tdp_watts = 0;
  double idle_watts = 0;
  bool idle_is_guess = false;
};
// Empty where the TDP is not known: then why_no_power() says why.
[[nodiscard]] std::optional<PowerFigures> power_of(const Deployment& deployment);
[[nodiscard]] std::string why_no_power(const Deployment& deployment);

// A question, typed and complete: what runs where, under which load, and what is asked.

// Where a resolved value came from.
enum class Origin { default_value, engine_default, model, gpu, derived, file, command_line };

struct ResolvedField {
  std::string path;  // engine.max_num_seqs
  Json value;        // as the scenario would spell it
  Origin origin = Origin::default_value;
  SourceLocation where;  // for Origin::file
  std::string reason;    // for engine_default and derived: the rule
};

// Said by the file or on the command line.
[[nodiscard]] bool is_given(const ResolvedField& field);

// One field of a what-if, as in batch-tradeoff.yaml: the points are the cross product of the lists.
struct SweepAxis {
  std::string path;                 // engine.max_num_seqs
  std::vector<std::string> values;  // as --set would take them
  bool operator==(const SweepAxis&) const = default;
};

// What a pipeline wants to hold of the result: an SLO line that drives no search and no advice.
struct Assertion {
  std::string name;  // for reports; the comparison itself when none is given
  SloLine line;
  bool operator==(const Assertion&) const = default;
};

// How sure a verdict must be, and how much may be simulated for it.
struct StudyConfig {
  double confidence = 0.95;
  std::vector<PrecisionGoal> until;  // beside the objectives: figures to be known this closely
  std::int64_t max_replications = 100'000;
  std::int64_t max_requests = 20'000'000;  // over all replications of one alternative
  bool operator==(const StudyConfig&) const = default;
};

// What is raised until an objective breaks.
enum class LoadVariable { request_rate, max_concurrency, users };
[[nodiscard]] std::string_view to_string(LoadVariable variable);

// How fast the load grows: by `share` in every period of so many days, compounded.
struct GrowthRate {
  double share = 0;
  double period_days = 0;
  std::string expression;  // as written: 5 %/month
  bool operator==(const GrowthRate&) const = default;
};
// `5 %/month`, `-2%/week`, `0.3 %/day`; day, week, month (30.44 days), quarter and year (365.25 days).
[[nodiscard]] Result<GrowthRate> parse_growth(const std::string& text, const SourceLocation& where);

// The search for the largest load that meets the objectives.
struct CapacityConfig {
  std::optional<LoadVariable> variable;  // empty = what the workload has
  double precision = 0.02;               // relative width at which the search stops
  std::optional<GrowthRate> growth;
  bool operator==(const CapacityConfig&) const = default;
};

// The grid of lengths for which a load is promised.
struct PromiseConfig {
  std::vector<std::int64_t> input_len;  // empty = fourfold steps
  std::vector<std::int64_t> output_len;
  double precision = 0.1;
  bool operator==(const PromiseConfig&) const = default;
};

// What `foretoken placement` may use.
struct GpuStock {
  std::string gpu;  // catalog name
  int count = 0;
  bool operator==(const GpuStock&) const = default;
};

// What reading the scenario found out about its workload, whose files need not be read again for it.
struct KnownWorkload {
  WorkloadConfig config;
  WorkloadSummary summary;
};

// One pool of a deployment of several.
struct PoolPlan {
  std::string name;
  PoolRole role = PoolRole::both;
  std::string served_model_name;  // by which classes ask for it
  double weight = 0;              // see PoolConfig
  Deployment deployment;          // of one replica
  MemorySettings memory;
  EngineConfig engine;
  ClusterConfig cluster;
  int num_gpus = 1;                // of all its replicas
  std::optional<double> gpu_hour;  // see PriceConfig
  // See PoolConfig: of transfers, what arrives.
  std::int64_t link_bandwidth = 0;
  std::int64_t kv_block_bytes = 0;
  std::int64_t flow_bandwidth = 0;
  std::int64_t embedding_bytes = 0;
  Duration embedding_setup{};
  std::int64_t kv_layers = 1;
  std::int64_t kv_state_bytes = 0;
  bool operator==(const PoolPlan&) const = default;
};

// How requests get from pools of role prefill to pools of role decode.
struct HandOverPlan {
  std::string semantics;  // nixl, p2p-nccl, sglang, tensorrt-llm, plain; empty: nothing is handed over
  FirstToken first_token = FirstToken::where_prefilled;
  HandOverRules rules;
  std::string link;       // over which KV caches go
  double efficiency = 1;  // of it
  bool operator==(const HandOverPlan&) const = default;
};

struct Scenario {
  std::string name;  // of the file, without folder and extension
  std::string description;
  // With pools, this to `cluster` are of main_pool().
  Deployment deployment;  // of one replica
  MemorySettings memory;
  EngineConfig engine;  // num_gpu_blocks filled from the memory plan
  ClusterConfig cluster;
  std::vector<PoolPlan> pools;  // empty: one kind of replica does all
  HandOverPlan hand_over;
  WorkloadConfig workload;
  std::optional<KnownWorkload> known_workload;  // counts only while its config equals `workload`
  std::vector<SloLine> slo;
  std::vector<Assertion> assertions;
  std::vector<SweepAxis> sweep;
  std::vector<SweepAxis> recommend;  // where the cheapest deployment is looked for; empty = everywhere usual
  TpotConvention tpot = TpotConvention::per_output_token;
  double warmup_fraction = 0.1;  // of the requests, cut from the steady-state figures; and as much at the end
  std::uint64_t seed = 0;
  int replications = 1;
  StudyConfig study;
  PriceConfig prices;
  CapacityConfig capacity;
  PromiseConfig promise;
  std::vector<GpuStock> available;    // for placements; a kind that is not named is there without limit
  int num_gpus = 1;                   // replicas * TP * PP * DP of all pools, also of those that are down
  int spare = 0;                      // replicas that may be down without an objective being missed
  int replicas_down = 0;              // left out of cluster.replicas: `spare` where verdicts are asked for, else 0
  double load_factor = 1;             // already in `workload`: so many times what its keys say
  std::vector<ResolvedField> fields;  // every field with its origin, in the field table's order
};

[[nodiscard]] bool is_given(const Scenario& scenario, std::string_view path);

// The pool in which outputs are decoded, the first of them: where tokens come from for most of a request's life.
// Precondition: there are pools.
[[nodiscard]] const PoolPlan& main_pool(const std::vector<PoolPlan>& pools);
// The first pool that computes prompts. The same precondition.
[[nodiscard]] const PoolPlan& entry_pool(const std::vector<PoolPlan>& pools);
// The scenario as if one pool were all of it: for questions to which only that pool matters. Of several models, with
// the classes that ask for its.
[[nodiscard]] Scenario only_pool(const Scenario& scenario, const PoolPlan& pool);

// The pool of each rank, as observers number them. A null for each where there are no pools.
[[nodiscard]] std::vector<const PoolPlan*> pools_by_rank(const Scenario& scenario);
// Usable KV blocks of each rank; of a rank that encodes none.
[[nodiscard]] std::vector<std::int64_t> kv_blocks_by_rank(const Scenario& scenario);

// What the pools serve, each name once, in their order. One without pools.
[[nodiscard]] std::vector<std::string> served_models(const std::vector<PoolPlan>& pools);
[[nodiscard]] inline bool has_several_models(const Scenario& s) {
  return served_models(s.pools).size() > 1;
}
// The workload as its pools of one model see it: the classes that ask for it, with their part of the load. A load whose
// parts cannot be told apart (a trace, clients in a closed loop) keeps its size.
[[nodiscard]] WorkloadConfig workload_of_model(const WorkloadConfig& workload, const std::string& served_model_name);

// Those that serve and those that are down: what is rented.
[[nodiscard]] inline int replicas_in_all(const Scenario& s) {
  return s.cluster.replicas + s.replicas_down;
}

struct LoadOptions {
  std::vector<std::string> overrides = {};       // `a.b.c=value`, later ones win
  std::string catalog_dir = {};                  // replaces or adds to the built-in catalog; empty = built-in only
  std::vector<std::string> over = {};            // axes `a.b.c=1,2,4..64` that join those of the key `sweep`
  std::vector<std::string> recommend_over = {};  // the same for `recommend.over`
  bool spares_down = false;  // as verdicts are judged: without the `spare` replicas, which are paid for all the same
};

// Reads, checks and resolves. All problems of the file and of the overrides come
// at once. A model that does not fit is not an error here: see plan_memory().
// warnings, if given, receives what is legal but suspicious.
[[nodiscard]] Result<Scenario> load_scenario(const std::string& path, const LoadOptions& options,
                                             Diagnostics* warnings = nullptr);
// From text; `origin` names it in diagnostics.
[[nodiscard]] Result<Scenario> parse_scenario(const std::string& text, const std::string& origin,
                                              const LoadOptions& options, Diagnostics* warnings = nullptr);

// The summary from loading, or summarise_workload() where `workload` has been changed since or
// set by hand. A trace changed on disk meanwhile is not noticed here.
[[nodiscard]] Result<WorkloadSummary> workload_summary(const Scenario& scenario);

// The fully resolved scenario as it would be written, and the hash of its text.
[[nodiscard]] Json to_json(const Scenario& scenario);
[[nodiscard]] std::string scenario_sha256(const Scenario& scenario);

// The JSON Schema of scenario files, and the reference in Markdown, from the same field table.
[[nodiscard]] Json scenario_schema();
[[nodiscard]] std::string scenario_reference();

}  // namespace foretoken
