// Replicas that come and go: how they start, and how many are wanted when.
#include <fmt/format.h>

#include <algorithm>

#include "foretoken/cost/cold_start.hpp"
#include "foretoken/cost/memory_plan.hpp"
#include "scenario/build.hpp"

namespace foretoken {
namespace {

void read_schedule(Resolver& values, FleetConfig& fleet) {
  if (const auto period = values.maybe_quantity("fleet.period")) fleet.period = duration_from_seconds(*period);
  const std::size_t entries = values.count("fleet.schedule");
  for (std::size_t i = 0; i < entries; ++i) {
    const std::string at = fmt::format("fleet.schedule[{}]", i);
    const auto time = values.maybe_quantity(at + ".at");
    const auto replicas = values.maybe_integer(at + ".replicas");
    if (!time || !replicas) {
      if (values.given(at))
        values.error(at, fmt::format("'{}' needs both `at` and `replicas`", at), "{at: 8 h, replicas: 4}");
      continue;
    }
    const WantedReplicas entry{duration_from_seconds(*time), static_cast<int>(*replicas)};
    if (!fleet.schedule.empty() && entry.at <= fleet.schedule.back().at)
      values.error(at + ".at", fmt::format("'{}.at' is not after the entry before it", at),
                   "the schedule stands in order of time");
    fleet.schedule.push_back(entry);
  }
  if (!fleet.schedule.empty() && fleet.period > Duration{} && fleet.schedule.back().at >= fleet.period) {
    values.error("fleet.period",
                 fmt::format("'fleet.period' of {} s ends before the schedule's last entry at {} s",
                             to_seconds(fleet.period), to_seconds(fleet.schedule.back().at)),
                 "let it be longer");
  }
}

void read_failures(Resolver& values, const Scenario& s, FailureConfig& failures) {
  for (std::size_t i = 0; i < values.count("fleet.failures"); ++i) {
    const std::string at = fmt::format("fleet.failures[{}]", i);
    const auto time = values.maybe_quantity(at + ".at");
    const PlannedFailure failure{duration_from_seconds(time.value_or(0)),
                                 static_cast<int>(values.integer(at + ".replica")),
                                 static_cast<int>(values.integer(at + ".replicas"))};
    if (!time)
      values.error(at, fmt::format("'{}' does not say when", at), "{at: 1 h, replica: 0}");
    else if (!failures.planned.empty() && failure.at < failures.planned.back().at)
      values.error(at + ".at", fmt::format("'{}.at' is before the entry before it", at),
                   "failures stand in order of time");
    failures.planned.push_back(failure);
  }
  const std::string of = values.text("fleet.mtbf_of");
  if (const auto mtbf = values.maybe_quantity("fleet.mtbf")) {
    const Parallelism& split = s.deployment.parallelism;
    const int gpus = split.gpus(), per_node = std::max(1, s.deployment.node.gpus_per_node);
    const int parts = of == "gpu" ? gpus : of == "node" ? (gpus + per_node - 1) / per_node : 1;
    failures.mtbf = duration_from_seconds(*mtbf / parts);
  } else if (values.given("fleet.mtbf_of")) {
    values.warning("fleet.mtbf_of", "'fleet.mtbf_of' has no effect: there is no fleet.mtbf");
  }
  failures.repair = values.duration("fleet.repair");
  failures.detection = values.duration("fleet.detection");
  failures.ejection_failures = static_cast<int>(values.integer("fleet.ejection_failures"));
  failures.ejection = values.duration("fleet.ejection_time");
  if (failures.ejection_failures == 0 && values.given("fleet.ejection_time"))
    values.warning("fleet.ejection_time", "'fleet.ejection_time' has no effect: there is no fleet.ejection_failures");
  if (failures.ejection_failures > 0 && failures.detection == Duration{})
    values.warning("fleet.ejection_failures",
                   "'fleet.ejection_failures' has no effect: fleet.detection is 0, so no request is sent to the dead");
  const auto domain = static_cast<int>(values.integer("fleet.domain_replicas"));
  if (const auto mtbf = values.maybe_quantity("fleet.domain_mtbf")) {
    failures.domain_mtbf = duration_from_seconds(*mtbf);
    failures.domain = domain;
  } else if (values.given("fleet.domain_replicas")) {
    values.warning("fleet.domain_replicas", "'fleet.domain_replicas' has no effect: there is no fleet.domain_mtbf");
  }
  const bool none = failures.planned.empty() && failures.mtbf == Duration{} && failures.domain_mtbf == Duration{};
  for (const char* key : {"fleet.repair", "fleet.detection"}) {
    if (none && values.given(key)) values.warning(key, fmt::format("'{}' has no effect: no replica dies", key));
  }
  if (none && values.count("fleet.schedule") == 0 && !values.given("fleet.autoscaler"))
    values.error("fleet",
                 "'fleet' without a schedule, an autoscaler or failures changes nothing: replicas stay as they are",
                 "fleet: {schedule: [{at: 8 h, replicas: 4}]}, or leave 'fleet' out");
}

void read_places(Resolver& values, Scenario& s) {
  FleetConfig& fleet = s.cluster.fleet;
  int most = s.cluster.replicas;
  for (const WantedReplicas& w : fleet.schedule) most = std::max(most, w.replicas);
  const auto places = static_cast<int>(
      values.integer("fleet.max_replicas", {most, Origin::derived, "the most of replicas and fleet.schedule"}));
  if (places < most)
    values.error("fleet.max_replicas",
                 fmt::format("'fleet.max_replicas' is {}, but {} are wanted at some time", places, most),
                 fmt::format("set it to {} or more, or want fewer", most));
  fleet.at_start = s.cluster.replicas;
  s.cluster.replicas = std::max(places, most);
  AutoscalerConfig& autoscaler = fleet.autoscaler;
  autoscaler.most = s.cluster.replicas;
  if (autoscaler.policy != AutoscalerPolicy::none && autoscaler.least > autoscaler.most)
    values.error("fleet.autoscaler.min_replicas",
                 fmt::format("'min_replicas' of {} is above 'fleet.max_replicas' of {}", autoscaler.least, places),
                 fmt::format("at most {}", places));
}

void read_cold_start(Resolver& values, const Scenario& s, ColdStart& start) {
  const bool affine = s.deployment.level == CostLevel::affine;
  start.provisioning = values.duration("fleet.cold_start.node");
  start.pulling = values.duration("fleet.cold_start.image");
  start.sigma = values.number("fleet.cold_start.jitter");
  ColdStartParts parts;
  std::string why_load = "affine costs know no model", why_warm = why_load;
  if (!affine) {
    const bool eager = s.deployment.cuda_graph_max_rows == 0;
    const std::string cache = values.text(
        "fleet.cold_start.compile",
        {eager ? "off" : "cached", Origin::derived, eager ? "enforce_eager" : "not the node's first start"});
    const double bandwidth = values.quantity("fleet.cold_start.storage_bandwidth");
    const int gpus = s.deployment.parallelism.gpus();
    const double per_node = std::min(gpus, s.deployment.node.gpus_per_node);
    const double bytes = plan_memory(s.deployment, s.memory).weights.value * per_node;
    parts = cold_start_of(s.deployment, bytes, bandwidth,
                          cache == "cold"     ? CompileCache::cold
                          : cache == "cached" ? CompileCache::cached
                                              : CompileCache::off);
    why_load = fmt::format("process {:.1f} s, {:.1f} GB at {:.2f} GB/s {:.1f} s", parts.bootstrap, bytes * 1e-9,
                           bandwidth * 1e-9, parts.weights);
    why_warm = fmt::format("trace {:.1f}, compile {:.1f}, KV profile {:.1f}, graphs {:.1f}, rest {:.1f} s", parts.trace,
                           parts.compile, parts.profile, parts.graphs, parts.rest);
  } else {
    for (const char* key : {"fleet.cold_start.compile", "fleet.cold_start.storage_bandwidth"}) {
      if (values.given(key))
        values.warning(key, fmt::format("'{}' has no effect: affine costs know no model", key),
                       "give fleet.cold_start.load and fleet.cold_start.warm");
      values.mark_read(key);
    }
  }
  start.loading = duration_from_seconds(
      values.quantity("fleet.cold_start.load", {affine ? 0 : parts.loading(), Origin::derived, why_load}));
  start.warming = duration_from_seconds(
      values.quantity("fleet.cold_start.warm", {affine ? 0 : parts.warming(), Origin::derived, why_warm}));
}

}  // namespace

void build_fleet(Resolver& values, Scenario& s) {
  if (!values.given("fleet")) return;
  FleetConfig& fleet = s.cluster.fleet;
  fleet.on = true;
  if (values.given("spare"))
    values.error("spare", "'spare' with a fleet is not modelled", "leave it out, and want a replica fewer");
  build_autoscaler(values, fleet);
  read_schedule(values, fleet);
  read_failures(values, s, fleet.failures);
  read_places(values, s);
  for (std::size_t i = 0; i < fleet.failures.planned.size(); ++i) {
    const int place = fleet.failures.planned[i].place + fleet.failures.planned[i].count - 1;
    if (place >= s.cluster.replicas)
      values.error(
          fmt::format("fleet.failures[{}].{}", i, fleet.failures.planned[i].count > 1 ? "replicas" : "replica"),
          fmt::format("there is no replica {}: there are {}, from 0", place, s.cluster.replicas),
          fmt::format("0 to {}", s.cluster.replicas - 1));
  }
  if (!values.diagnostics().has_errors()) read_cold_start(values, s, fleet.cold_start);
  const bool holds = values.text("fleet.when_none_ready") == "hold";
  const std::int64_t most = values.integer("fleet.hold_requests");
  fleet.held_for = values.duration("fleet.hold_timeout");
  fleet.held_requests = holds ? most : 0;
  for (const char* key : {"fleet.hold_requests", "fleet.hold_timeout"}) {
    if (!holds && values.given(key))
      values.warning(key, fmt::format("'{}' has no effect: fleet.when_none_ready is reject", key));
  }
}

}  // namespace foretoken
