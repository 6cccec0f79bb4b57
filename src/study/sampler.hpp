// Figures of replication after replication of one scenario, on the same random numbers as
// any other scenario with its seed.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "foretoken/metrics/collector.hpp"
#include "foretoken/study/verdict.hpp"
#include "study/backlog.hpp"

namespace foretoken {

class ReplicationSampler {
 public:
  // `metrics`: keys of the summary. The scenario must outlive the sampler.
  ReplicationSampler(const Scenario& scenario, std::vector<std::string> metrics, const RunOptions& options);

  // Measures the window of another scenario's sampler instead of looking for one: a paired comparison is of the same
  // requests. Before the first replication. Errors: a workload that cannot be read.
  [[nodiscard]] Diagnostics take_window(const SteadyState& steady);

  // Simulates replications until there are `replications` of them. Errors: a workload that cannot be read.
  [[nodiscard]] Diagnostics extend_to(int replications);

  [[nodiscard]] int replications() const { return static_cast<int>(samples_.size()); }
  [[nodiscard]] std::int64_t requests() const { return requests_; }
  [[nodiscard]] std::int64_t pilot_requests() const { return pilot_requests_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  // The most of one replica, in any run so far.
  [[nodiscard]] std::int64_t peak_running() const { return peak_running_; }
  [[nodiscard]] std::int64_t peak_kv_blocks() const { return peak_kv_blocks_; }
  // Is this metric taken from the steady state? Known with the first replication.
  [[nodiscard]] bool in_steady_state(std::size_t metric) const;
  [[nodiscard]] std::vector<double> values(std::size_t metric) const;
  // Window and, once there are two replications, growth of the backlog.
  [[nodiscard]] SteadyState steady_state() const;

 private:
  struct Sample {
    std::vector<double> of_run;
    std::vector<double> of_steady_state;
    BacklogGrowth growth;
    std::int64_t requests = 0;
    std::int64_t peak_running = 0;
    std::int64_t peak_kv_blocks = 0;
    bool interrupted = false;
  };
  // Where the warm-up ends, from the first replications (Welch's average, MSER-5).
  [[nodiscard]] Diagnostics find_window();
  [[nodiscard]] Result<Sample> simulate(int index);
  void advance(std::int64_t requests);

  const Scenario& scenario_;
  std::vector<std::string> metrics_;
  RunOptions options_;
  DeviceFigures device_;
  std::optional<std::int64_t> requests_each_;
  bool prepared_ = false;
  SteadyState steady_;
  SteadyWindow window_;
  Duration residence_{};  // p95 of what requests spend in the system
  std::vector<Sample> samples_;
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

}  // namespace foretoken
