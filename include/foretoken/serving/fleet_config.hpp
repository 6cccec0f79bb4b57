// A fleet whose replicas come and go: how they start, how many there are when, and where requests wait while nobody is
// there (src/serving/README.md, "Fleets").
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "foretoken/base/units.hpp"
#include "foretoken/serving/autoscaler_config.hpp"

namespace foretoken {

// A replica is paid from `provisioning` until it is gone, and gets requests while it is ready.
enum class ReplicaState {
  provisioning,  // a node with its driver
  pulling,       // the image of the engine
  loading,       // the process, and the weights
  warming,       // compilation, the profile of the KV cache, CUDA graphs
  ready,
  draining,  // gets no new requests; those it has are finished
  gone,
  failed,  // not paid, and its place is not free before it is repaired
};
inline constexpr int kReplicaStates = 8;
[[nodiscard]] std::string_view to_string(ReplicaState state);

// From the order for a replica until it is ready.
struct ColdStart {
  Duration provisioning{};
  Duration pulling{};
  Duration loading{};
  Duration warming{};
  double sigma = 0;  // of the lognormal factor of mean 1 on all of a start's parts; 0 = each takes the same
  [[nodiscard]] Duration total() const { return provisioning + pulling + loading + warming; }
  bool operator==(const ColdStart&) const = default;
};

// From `at` on so many replicas are wanted.
struct WantedReplicas {
  Duration at{};
  int replicas = 1;
  bool operator==(const WantedReplicas&) const = default;
};

// The replica of a place dies: whatever it has is lost. With it those of the next places: a node, a rack.
struct PlannedFailure {
  Duration at{};
  int place = 0;
  int count = 1;  // places, from `place` on
  bool operator==(const PlannedFailure&) const = default;
};

struct FailureConfig {
  std::vector<PlannedFailure> planned;  // in order of time
  Duration mtbf{};                      // of one replica while it is paid for, exponential; 0 = none fails by chance
  // Places that die together besides: 0 to domain - 1, and so on. Of one such domain, all the time; 0 = none dies.
  int domain = 1;
  Duration domain_mtbf{};
  Duration repair{};     // until the place is free for the next one; mean of an exponential where it came by chance
  Duration detection{};  // until routers know: requests sent there meanwhile fail at once
  // Or until so many of them in a row have failed: then routers leave it out for a while, longer each time; 0 = never.
  int ejection_failures = 0;
  Duration ejection{};
  bool operator==(const FailureConfig&) const = default;
};

struct FleetConfig {
  bool on = false;   // else all replicas are ready for ever
  int at_start = 1;  // so many are ready when the run begins
  ColdStart cold_start;
  std::vector<WantedReplicas> schedule;  // in order of time
  Duration period{};                     // after which the schedule begins again; 0 = never
  AutoscalerConfig autoscaler;           // in place of a schedule
  // While no replica is ready: requests wait, so many at most and so long, or (0 requests) are turned away at once.
  std::int64_t held_requests = 0;
  Duration held_for{};
  FailureConfig failures;
  bool operator==(const FleetConfig&) const = default;
};

// What became of a fleet.
struct FleetTotals {
  bool on = false;
  int places = 0;                                       // replicas that there could have been
  std::array<std::int64_t, kReplicaStates> in_state{};  // ns, of all replicas together
  std::int64_t starts = 0;                              // cold starts that were begun
  std::int64_t stops = 0;                               // replicas that were told to go
  std::int64_t changes = 0;                             // decisions that changed how many are wanted
  std::int64_t held = 0;                                // requests that waited because no replica was ready
  std::int64_t turned_away = 0;                         // ... and that nobody took
  std::int64_t failures = 0;                            // replicas that died
  std::int64_t lost = 0;                                // requests that they had
  std::int64_t refused = 0;                             // ... and that were sent there before it was known
  int most_ready = 0;                                   // at once
  // When the number changed: what is paid, and of these what is ready.
  struct Count {
    TimePoint at{};
    int paid = 0;
    int ready = 0;
    bool operator==(const Count&) const = default;
  };
  std::vector<Count> counts;
  // What an autoscaler saw and wanted, whenever it wanted another number than before.
  struct Decision {
    TimePoint at{};
    double metric = 0;  // NaN: it had none
    int wanted = 0;
    bool operator==(const Decision&) const = default;
  };
  std::vector<Decision> decisions;

  // So many replicas that are ready from the beginning to the end.
  [[nodiscard]] static FleetTotals of_those_that_stay(int replicas, TimePoint end);
  // Of several pools, but for decisions and requests that waited, which are of none.
  [[nodiscard]] static FleetTotals of_all(const std::vector<FleetTotals>& pools);
  [[nodiscard]] std::int64_t paid() const;      // ns
  [[nodiscard]] std::int64_t starting() const;  // ns, of it before they were ready
};

}  // namespace foretoken
