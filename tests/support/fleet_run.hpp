// Replicas that come and go in tests worked out by hand.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test::fleets {

inline constexpr Duration kSecond = std::chrono::seconds{1};

inline Request at(std::int64_t seconds, int tokens = 1, std::int32_t prefix_row = -1) {
  Request r;
  r.arrival = TimePoint{seconds * kSecond};
  r.prompt_tokens = 64;
  r.output_tokens = r.max_tokens = tokens;
  r.prefix_row = prefix_row;
  return r;
}

inline double hours_to_seconds(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

// Steps of one second; cold starts of 2 + 3 + 4 + 1 s.
struct Fleet {
  StubCost cost{StubTerms{1.0}};
  SimulationConfig config;
  Recorder seen;
  SimulationOutcome outcome;

  explicit Fleet(int places, int at_start, std::vector<WantedReplicas> schedule) {
    config.engine.num_gpu_blocks = 1000;
    config.cluster.replicas = places;
    FleetConfig& fleet = config.cluster.fleet;
    fleet.on = true;
    fleet.at_start = at_start;
    fleet.cold_start = {2 * kSecond, 3 * kSecond, 4 * kSecond, kSecond, 0};
    fleet.schedule = std::move(schedule);
    fleet.held_requests = 100;
    fleet.held_for = 60 * kSecond;
  }
  std::vector<RequestRecord> run(std::vector<Request> requests, PrefixTable prefixes = {}) {
    const auto source = make_fixed_source(std::move(requests), std::move(prefixes));
    outcome = simulate(config, *source, cost, seen);
    return seen.by_index();
  }
  [[nodiscard]] double in(ReplicaState state) const {
    return hours_to_seconds(outcome.fleet.in_state[static_cast<std::size_t>(state)]);
  }
  [[nodiscard]] std::vector<std::array<std::int64_t, 3>> counts() const {
    std::vector<std::array<std::int64_t, 3>> all;
    for (const FleetTotals::Count& c : outcome.fleet.counts)
      all.push_back({c.at.time_since_epoch() / kSecond, c.paid, c.ready});
    return all;
  }
};

}  // namespace foretoken::test::fleets
