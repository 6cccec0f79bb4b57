// The router and what it weighs.
#include <fmt/format.h>

#include <algorithm>

#include "scenario/build.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

void read_weights(Resolver& values, int replicas, RoutingConfig& r) {
  r.signal_period = values.duration("routing.signal_period");
  r.signal_delay = values.duration("routing.signal_delay");
  r.signals_together = values.flag("routing.signals_together");
  r.count_own_dispatches = values.flag("routing.count_own_dispatches");
  r.random_ties = values.flag("routing.random_ties");
  r.slow_start = values.duration("routing.slow_start");
  r.slow_start_min_weight = values.number("routing.slow_start_min_weight");
  r.slow_start_aggression = values.number("routing.slow_start_aggression");
  r.prefix_index = values.text("routing.prefix_index");
  r.prefix_index_blocks = values.integer("routing.prefix_index_blocks");
  r.choices = values.integer("routing.choices");
  r.cache_threshold = values.number("routing.cache_threshold");
  r.balance_abs_threshold = values.number("routing.balance_abs_threshold");
  r.balance_rel_threshold = values.number("routing.balance_rel_threshold");
  r.overlap_credit = values.number("routing.overlap_credit");
  r.prefill_load_scale = values.number("routing.prefill_load_scale");
  r.active_request_weight = values.number("routing.active_request_weight");
  r.temperature = values.number("routing.temperature");
  r.queue_weight = values.number("routing.queue_weight");
  r.kv_weight = values.number("routing.kv_weight");
  r.prefix_weight = values.number("routing.prefix_weight");
  r.affinity_threshold = values.number("routing.affinity_threshold");
  r.max_ttft_penalty = values.duration("routing.max_ttft_penalty");
  r.prefill_throughput = values.number("routing.prefill_throughput");
  r.short_prompt_tokens = values.integer("routing.short_prompt_tokens");
  r.hash_load_factor = values.number("routing.hash_load_factor");
  r.balancing_threshold = values.number("routing.balancing_threshold");
  r.fetch_throughput = values.number("routing.fetch_throughput");
  r.max_ttft = values.duration("routing.max_ttft");
  r.short_replicas =
      values.integer("routing.short_replicas", {(replicas + 1) / 2, Origin::derived, "half of the replicas"});
}

void check_length_pools(Resolver& values, const Scenario& s) {
  const std::int64_t of_short = s.cluster.routing.short_replicas;
  if (of_short < s.cluster.replicas) return;
  values.error(values.given("routing.short_replicas") ? "routing.short_replicas" : "router",
               fmt::format("'routing.short_replicas' is {} of {} replicas: none is left for long prompts", of_short,
                           s.cluster.replicas),
               "give fewer, or more replicas");
}

// A prefix is put into blocks that all layers share.
void check_mooncake(Resolver& values, const Scenario& s) {
  if (s.cluster.routing.fetch_throughput > 0 && s.engine.kv_layout.windowed > 0)
    values.error("routing.fetch_throughput",
                 "prefixes of layers with a sliding window are not sent from replica to replica",
                 "engine.disable_hybrid_kv_cache_manager: true keeps all tokens, or leave it out");
}

// Routers that go by what replicas publish need engines that do.
void check_published(Resolver& values, const Scenario& s, const RoutingRow& router) {
  const EngineProfile& engine = find_engine(s.engine.name);
  if (reads_signals(router) && router.info.name != "power_of_two" && !engine.publishes_load)
    values.error("router",
                 fmt::format("'router: {}' goes by what replicas publish of their load, and {} publishes nothing",
                             router.info.name, engine.info.name),
                 "least_outstanding counts by itself");
  if (router.sees_prefixes && s.engine.enable_prefix_caching && s.cluster.routing.prefix_index == "engine" &&
      !engine.publishes_kv_events)
    values.error(values.given("routing.prefix_index") ? "routing.prefix_index" : "router",
                 fmt::format("{} publishes no KV events: 'router: {}' cannot see what its replicas have cached",
                             engine.info.name, router.info.name),
                 "routing.prefix_index: router; it goes by what it has sent where");
}

}  // namespace

void build_routing(Resolver& values, Scenario& s) {
  s.cluster.router = values.text("router");
  read_weights(values, s.cluster.replicas, s.cluster.routing);
}

void check_routing(Resolver& values, const Scenario& s) {
  const RoutingRow& router = find_router(s.cluster.router);
  if (router.info.name == "length_pools") check_length_pools(values, s);
  if (router.fetches) check_mooncake(values, s);
  check_published(values, s, router);
  for (const std::string& key : keys_under("routing")) {
    const std::string path = "routing." + key;
    const bool reads =
        key.starts_with("slow_start") ? router.starts_slowly : std::ranges::find(router.keys, key) != router.keys.end();
    if (!values.given(path) || reads) continue;
    values.warning(path, fmt::format("'{}' has no effect: router: {} does not read it", path, s.cluster.router));
  }
  const RoutingConfig& weights = s.cluster.routing;
  for (const char* key : {"routing.slow_start_min_weight", "routing.slow_start_aggression"}) {
    if (router.starts_slowly && weights.slow_start == Duration{} && values.given(key))
      values.warning(key, fmt::format("'{}' has no effect: there is no routing.slow_start", key));
  }
  if (router.starts_slowly && values.given("routing.slow_start") && !s.cluster.fleet.on)
    values.warning("routing.slow_start",
                   "'routing.slow_start' has no effect: no replica is added, there is no 'fleet'");
  if (values.given("admission.stale_after") && std::max(weights.signal_period, weights.signal_delay) == Duration{})
    values.warning("admission.stale_after", "'admission.stale_after' has no effect: replicas are seen as they are",
                   "routing.signal_period says how often they publish");
  if (router.info.name == "dynamo" && weights.overlap_credit > 1)
    values.warning("routing.overlap_credit",
                   fmt::format("'routing.overlap_credit' of {:g}: a cached block saves more than the block to prefill",
                               weights.overlap_credit),
                   "0 (the cache is ignored) to 1");
  if (router.info.name == "llm_d" && weights.queue_weight + weights.kv_weight + weights.prefix_weight == 0)
    values.warning("routing", "all weights of 'router: llm_d' are 0: replicas are chosen by chance", "router: random");
  if (values.given("router") && router.info.name == "lora_affinity" && !s.engine.lora.on())
    values.warning(
        "router",
        fmt::format("'router: lora_affinity' finds no adapters: {} has engine.enable_lora: false", s.engine.name),
        "engine.enable_lora: true, or another router");
  if (values.given("router") && router.sees_prefixes && !s.engine.enable_prefix_caching) {
    values.warning("router", fmt::format("'router: {}' finds no cached prefixes: engine.enable_prefix_caching is false",
                                         s.cluster.router));
  }
}

void check_signals(Resolver& values, const ClusterConfig& cluster, const Scenario& s, const WorkloadSummary& workload) {
  const auto& keys = find_router(cluster.router).keys;
  if (std::ranges::find(keys, "signal_period") == keys.end()) return;
  double run = s.workload.duration ? to_seconds(*s.workload.duration) : 0;
  if (run == 0 && workload.requests && workload.offered_rate > 0)
    run = static_cast<double>(*workload.requests) / workload.offered_rate;
  const double period = to_seconds(cluster.routing.signal_period);
  if (run <= 0 || period <= run) return;
  values.warning("routing.signal_period",
                 fmt::format("'routing.signal_period' of {:g} s is longer than the run, in which requests come for "
                             "{:.4g} s: a replica is seen as it was once, or never",
                             period, run),
                 "a shorter period, or more requests");
}

}  // namespace foretoken
