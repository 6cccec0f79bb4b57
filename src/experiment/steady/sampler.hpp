// Figures of replication after replication of one scenario, on the same random numbers as
// any other scenario with its seed.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "experiment/steady/pilot.hpp"
#include "experiment/steady/pooled_figures.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// A metric with a steady value is measured in endless runs whose length a pilot finds; any other in whole runs, as the
// scenario describes them. Of a trace there is one run, and its parts say how sure its figures are.
class ReplicationSampler {
 public:
  // `metrics`: keys of the summary. The scenario must outlive the sampler.
  ReplicationSampler(const Scenario& scenario, std::vector<std::string> metrics, const RunOptions& options,
                     PilotHints hints = {});

  // Measures for as long as another scenario's sampler instead of looking for a length: a paired comparison is of the
  // same requests. Before the first replication.
  void take_steady_state(const SteadyState& steady);

  // Finds out how long to measure, if that is not known yet. Errors: a workload that cannot be read.
  [[nodiscard]] Diagnostics prepare();

  // Simulates replications until there are `replications` of them. Errors: a workload that cannot be read.
  [[nodiscard]] Diagnostics extend_to(int replications);

  [[nodiscard]] int replications() const { return replications_; }
  [[nodiscard]] std::int64_t requests() const { return requests_; }
  [[nodiscard]] std::int64_t pilot_requests() const { return pilot_requests_; }
  // Of one replication, all kinds of runs together; empty when it is not known. After prepare().
  [[nodiscard]] std::optional<std::int64_t> requests_each() const;
  // More replications would tell nothing new: a trace is one run.
  [[nodiscard]] bool repeats_itself() const { return parts_of_one_run_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  // The most of one replica, in any run so far.
  [[nodiscard]] std::int64_t peak_running() const { return peak_running_; }
  [[nodiscard]] std::int64_t peak_kv_blocks() const { return peak_kv_blocks_; }
  // Is this metric taken from the steady state?
  [[nodiscard]] bool in_steady_state(std::size_t metric) const { return is_steady_[metric] != 0; }
  // Independent estimates of the metric; NaN where a part of the runs has none.
  [[nodiscard]] std::vector<double> values(std::size_t metric) const;
  // Of no value where no part has one.
  [[nodiscard]] Interval interval(std::size_t metric, double confidence) const;
  [[nodiscard]] const SteadyState& steady_state() const { return steady_; }

 private:
  // One run, reduced as soon as those before it are.
  struct Run {
    RunMeasures measures;
    SimulationOutcome outcome;
  };
  [[nodiscard]] Result<Run> simulate(int index, bool endless);
  [[nodiscard]] Diagnostics add_runs(int begin, int end, bool endless);
  [[nodiscard]] Diagnostics split_one_run();
  void count(const Run& run);
  [[nodiscard]] double whole_figure(const RunMeasures& run, std::size_t metric) const;
  void advance(std::int64_t requests);

  const Scenario& scenario_;
  std::vector<std::string> metrics_;
  RunOptions options_;
  DeviceFigures device_;
  PilotHints hints_;
  std::vector<char> is_steady_;
  bool some_steady_ = false;
  bool some_whole_ = false;
  bool parts_of_one_run_ = false;
  bool prepared_ = false;
  std::optional<std::int64_t> whole_requests_;  // of a whole run
  SteadyState steady_;
  std::vector<PooledFigures> pooled_;              // [metric], of the steady ones
  std::vector<std::vector<double>> whole_values_;  // [metric][run], of the others
  std::vector<Interval> whole_intervals_;          // [metric], of the parts of one run
  int replications_ = 0;
  std::int64_t requests_ = 0;
  std::int64_t pilot_requests_ = 0;
  std::int64_t peak_running_ = 0;
  std::int64_t peak_kv_blocks_ = 0;
  bool interrupted_ = false;
  std::mutex mutex_;
  std::int64_t reported_ = 0;
};

// A constant rate or a closed loop: the run would go on for ever the same way.
[[nodiscard]] bool has_steady_state(const WorkloadConfig& workload);
// ... and no replica comes or goes.
[[nodiscard]] inline bool has_steady_state(const Scenario& scenario) {
  return has_steady_state(scenario.workload) && !scenario.cluster.fleet.on;
}
// Prompts may share prefixes, and the engine looks for them: a cold cache is slower than a warm one.
[[nodiscard]] bool may_find_prefixes(const Scenario& scenario);

}  // namespace foretoken
