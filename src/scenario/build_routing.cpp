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
  r.prefix_index = values.text("routing.prefix_index");
  r.prefix_index_blocks = values.integer("routing.prefix_index_blocks");
  r.choices = values.integer("routing.choices");
  r.weights = values.numbers("routing.weights");
  values.record_given("routing.weights");
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

}  // namespace

void build_routing(Resolver& values, Scenario& s) {
  s.cluster.router = values.text("router");
  read_weights(values, s.cluster.replicas, s.cluster.routing);
}

void check_router_weights(Resolver& values, const std::string& path, const ClusterConfig& cluster, int replicas) {
  if (cluster.router != "weighted_random") return;
  const std::vector<double>& weights = cluster.routing.weights;
  const std::string key = path + "routing.weights";
  double sum = 0;
  for (const double weight : weights) sum += weight;
  if (weights.empty()) return;  // all alike
  if (weights.size() != static_cast<std::size_t>(replicas))
    values.error(key, fmt::format("'{}' has {} weights for {} replicas", key, weights.size(), replicas),
                 "give one for each");
  else if (!(sum > 0))
    values.error(key, fmt::format("'{}' sum to nothing", key), "give at least one above 0");
}

void check_routing(Resolver& values, const Scenario& s) {
  const RoutingRow& router = find_router(s.cluster.router);
  if (router.info.name == "length_pools") check_length_pools(values, s);
  if (router.fetches) check_mooncake(values, s);
  for (const std::string& key : keys_under("routing")) {
    const std::string path = "routing." + key;
    if (!values.given(path) || std::ranges::find(router.keys, key) != router.keys.end()) continue;
    values.warning(path, fmt::format("'{}' has no effect: router: {} does not read it", path, s.cluster.router));
  }
  if (values.given("router") && router.sees_prefixes && !s.engine.enable_prefix_caching) {
    values.warning("router", fmt::format("'router: {}' finds no cached prefixes: engine.enable_prefix_caching is false",
                                         s.cluster.router));
  }
}

}  // namespace foretoken
