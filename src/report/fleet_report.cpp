// Replica-hours by state, the number of replicas over time, and attempts.
#include "report/fleet_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/run/objectives_held.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMostChanges = 24;  // in the table; the document has all

const SimulationOutcome& first(const RunResult& result) {
  return result.replications.front().outcome;
}

double hours(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) * 1e-9 / 3600;
}

Json fleet_of(const FleetTotals& fleet, TimePoint end) {
  Json json = Json::object();
  json["places"] = fleet.places;
  json["end_s"] = to_seconds(end);
  Json states = Json::object();
  for (int i = 0; i < kReplicaStates; ++i)
    states[to_string(static_cast<ReplicaState>(i))] = hours(fleet.in_state[static_cast<std::size_t>(i)]);
  json["replica_hours"] = std::move(states);
  Json counts = Json::array();
  for (const FleetTotals::Count& c : fleet.counts) {
    Json entry = Json::object();
    entry["at_s"] = to_seconds(c.at);
    entry["paid"] = c.paid;
    entry["ready"] = c.ready;
    counts.push_back(std::move(entry));
  }
  json["replicas"] = std::move(counts);
  if (fleet.decisions.empty()) return json;
  Json decisions = Json::array();
  for (const FleetTotals::Decision& d : fleet.decisions) {
    Json entry = Json::object();
    entry["at_s"] = to_seconds(d.at);
    entry["metric"] = d.metric;
    entry["wanted"] = d.wanted;
    decisions.push_back(std::move(entry));
  }
  json["decisions"] = std::move(decisions);
  return json;
}

Json clients_of(const ClientTotals& clients) {
  Json json = Json::object();
  json["requests"] = clients.requests;
  json["attempts"] = clients.attempts;
  json["unanswered"] = clients.unanswered;
  json["slot_s"] = to_seconds(clients.slot);
  Json slots = Json::array();
  for (const ClientTotals::Slot& s : clients.slots) {
    Json slot = Json::object();
    slot["offered"] = s.offered;
    slot["answered"] = s.answered;
    slot["served"] = s.served;
    slots.push_back(std::move(slot));
  }
  json["slots"] = std::move(slots);
  return json;
}

std::string pools_of(const RunResult& result, const RouterTotals& router) {
  if (result.scenario.pools.empty()) return "all replicas";
  std::string text;
  for (const int pool : router.pools) {
    text += text.empty() ? "" : ", ";
    text += result.scenario.pools[static_cast<std::size_t>(pool)].name;
  }
  return text;
}

Json routers_of(const RunResult& result) {
  Json json = Json::array();
  for (const RouterTotals& router : first(result).routers) {
    Json entry = Json::object();
    Json pools = Json::array();
    for (const int pool : router.pools)
      if (!result.scenario.pools.empty()) pools.push_back(result.scenario.pools[static_cast<std::size_t>(pool)].name);
    entry["pools"] = std::move(pools);
    if (router.stale_choices) entry["stale_choices"] = *router.stale_choices;
    if (router.rebinds) entry["rebinds"] = *router.rebinds;
    json.push_back(std::move(entry));
  }
  return json;
}

bool asks_how_often(const RunResult& result) {
  return result.scenario.cluster.fleet.on && !result.scenario.slo.empty() && result.replications.size() > 1;
}

}  // namespace

void add_fleet(const RunResult& result, Json& json) {
  const SimulationOutcome& outcome = first(result);
  if (result.scenario.cluster.fleet.on) json["fleet"] = fleet_of(outcome.fleet, outcome.end);
  for (std::size_t i = 0; i < outcome.pool_fleets.size(); ++i) {
    if (outcome.pool_fleets[i].on)
      json["fleet"]["pools"][result.scenario.pools[i].name] = fleet_of(outcome.pool_fleets[i], outcome.end);
  }
  if (asks_how_often(result)) {
    const ObjectivesHeld held = objectives_held(result);
    Json hold = Json::object();
    hold["runs"] = held.of;
    hold["held"] = held.runs;
    hold["low_95"] = held.share.low;
    hold["high_95"] = held.share.high;
    json["fleet"]["objectives"] = std::move(hold);
  }
  if (!outcome.routers.empty()) json["routers"] = routers_of(result);
  if (result.scenario.workload.client.on) json["clients"] = clients_of(first(result).clients);
}

std::string fleet_pools(const RunResult& result, const TextStyle& style) {
  if (first(result).pool_fleets.empty()) return {};
  TextTable table("lrrrrrrrr");
  table.row({"pool", "ready", "at most", "paid", "GPU-hours", "changes", "cold starts", "died", "requests lost"});
  for (std::size_t i = 0; i < result.pools.size(); ++i) {
    if (!first(result).pool_fleets[i].on) continue;
    const Summary& s = result.pools[i].summary;
    std::vector<std::string> row{result.pools[i].name};
    for (const char* key : {"mean_replicas_ready", "max_replicas_ready", "mean_replicas_paid", "gpu_hours",
                            "scale_events", "cold_starts", "replica_failures", "lost_requests"})
      row.push_back(readable_count(s[key]));
    table.row(std::move(row));
  }
  return table.text(style, "  ");
}

std::string routers_section(const RunResult& result, const TextStyle& style) {
  if (first(result).routers.empty()) return {};
  TextTable table("lrr");
  table.row({"router among", "sent by stale signals", "conversations bound anew"});
  const auto cell = [](const std::optional<std::int64_t>& count) { return count ? readable(*count) : "-"; };
  for (const RouterTotals& router : first(result).routers)
    table.row({pools_of(result, router), cell(router.stale_choices), cell(router.rebinds)});
  return table.text(style, "  ");
}

std::string fleet_section(const RunResult& result, const TextStyle& style) {
  if (!result.scenario.cluster.fleet.on) return {};
  const FleetTotals& fleet = first(result).fleet;
  TextTable states("lr");
  states.row({"replica state", "hours"});
  for (int i = 0; i < kReplicaStates; ++i) {
    const auto state = static_cast<ReplicaState>(i);
    if (state != ReplicaState::gone)
      states.row({std::string(to_string(state)), readable(hours(fleet.in_state[static_cast<std::size_t>(i)]))});
  }
  TextTable changes("rrr");
  changes.row({"at s", "paid", "ready"});
  for (std::size_t i = 0; i < std::min(kMostChanges, fleet.counts.size()); ++i) {
    const FleetTotals::Count& c = fleet.counts[i];
    changes.row({readable(to_seconds(c.at)), readable(std::int64_t{c.paid}), readable(std::int64_t{c.ready})});
  }
  std::string text = fleet_pools(result, style) + states.text(style, "  ") + changes.text(style, "  ");
  if (fleet.counts.size() > kMostChanges)
    text += fmt::format("  and {} more changes (--format json)\n", fleet.counts.size() - kMostChanges);
  return text;
}

std::string fleet_lines(const RunResult& result) {
  const Summary& s = result.summary;
  std::string text;
  if (result.scenario.cluster.fleet.on) {
    text += fmt::format("  {} replicas ready in the mean (at most {}), {} paid: {} GPU-hours",
                        readable(s["mean_replicas_ready"]), readable_count(s["max_replicas_ready"]),
                        readable(s["mean_replicas_paid"]), readable(s["gpu_hours"]));
    if (s["cold_starts"] > 0)
      text += fmt::format(", {} of them for {} cold starts", readable(s["cold_start_gpu_hours"]),
                          readable_count(s["cold_starts"]));
    if (!std::isnan(s["run_cost"])) text += fmt::format("; {} $", dollars(s["run_cost"]));
    text += "\n";
    if (s["replica_failures"] > 0)
      text += fmt::format("  {} replicas died with {} requests; {} more were sent to the dead\n",
                          readable_count(s["replica_failures"]), readable_count(s["lost_requests"]),
                          readable_count(s["refused_requests"]));
    if (asks_how_often(result)) {
      const ObjectivesHeld held = objectives_held(result);
      text += fmt::format("  all objectives held in {} of {} runs: {} to {} (95 %)\n", held.runs, held.of,
                          percent(held.share.low), percent(held.share.high));
    }
    if (s["held_requests"] > 0 || s["turned_away"] > 0)
      text += fmt::format("  {} requests found no replica ready, {} were turned away\n",
                          readable_count(s["held_requests"]), readable_count(s["turned_away"]));
  }
  if (result.scenario.workload.client.on) {
    text += fmt::format("  {} attempts per request, {} given up, {} answers for nobody",
                        readable(s["attempts_per_request"]), readable_count(s["attempts_given_up"]),
                        readable_count(s["late_answers"]));
    if (!std::isnan(s["last_unanswered_s"]))
      text += fmt::format("; the last request without an answer came at {} s", readable(s["last_unanswered_s"]));
    text += "\n";
  }
  return text;
}

}  // namespace foretoken
