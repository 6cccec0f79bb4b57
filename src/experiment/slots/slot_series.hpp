// Measures by slot of arrival, in bounded memory.
#pragma once

#include <vector>

#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "metrics/collector.hpp"

namespace foretoken {

// Rates that change with time: a rate_profile, a ramp or a trace.
[[nodiscard]] bool changes_with_time(const WorkloadConfig& workload);

// Hours of a run of six hours and more, else minutes, ten seconds or seconds. When a run has more slots than memory
// allows, two become one, as often as needed.
class SlotSeries {
 public:
  // Slots times classes: a cell is 2 MB at most.
  static constexpr std::size_t kMostCells = 120;

  // `horizon`: about how long arrivals go on.
  SlotSeries(const Scenario& scenario, Duration horizon);
  void add(const RequestRecord& record);
  // Of another replication of the scenario.
  void merge(const SlotSeries& other);
  [[nodiscard]] Duration width() const { return width_; }
  // `replications` merged in this.
  [[nodiscard]] LoadSlots figures(const Scenario& scenario, int replications) const;

 private:
  void double_width();
  [[nodiscard]] std::vector<Measures>& slot(std::size_t index);

  std::vector<GoodputLimits> limits_;  // by class
  bool by_class_ = false;
  Duration width_{};
  std::vector<std::vector<Measures>> slots_;  // [slot][class], or one for all
};

// The scenario simulated for its slots: replications of at most half a million requests together, at least one.
// Errors: a workload that cannot be read.
[[nodiscard]] Result<LoadSlots> simulate_slots(const Scenario& scenario, int replications, const RunOptions& options);

// How long arrivals go on, about. Errors: a workload that cannot be read.
[[nodiscard]] Result<Duration> expected_horizon(const Scenario& scenario);

}  // namespace foretoken
