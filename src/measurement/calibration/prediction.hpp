// A measured run as the simulation sees it, and the figures on which the two are compared.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "foretoken/scenario/scenario.hpp"
#include "foretoken/serving/simulation.hpp"
#include "measurement/calibration/measured_run.hpp"

namespace foretoken {

// One run with the scenario that describes it.
struct RunToFit {
  MeasuredRun measured;
  Scenario scenario;
};

// Requests of a run that count, by place: the fitted ones, or the others.
struct Part {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The latencies of the simulated requests of one run, in the order of sending (NaN where there is none).
struct PredictedRun {
  std::vector<std::array<double, kLatencies>> requests;  // ms
  std::vector<std::int64_t> prompt_tokens, output_tokens;
};

// The run as it was sent, in front of an observer. Replications differ where chance is left: in arrivals and lengths
// that the file does not hold. Errors: requests that the engine's limits refuse, workload files that cannot be read.
// When `stop` turns true it throws Interrupted.
[[nodiscard]] Result<SimulationOutcome> simulate_measured(const RunToFit& run, const Scenario& scenario,
                                                          int replication, Observer& observer,
                                                          const std::atomic<bool>* stop);
// The latencies of its first replication.
[[nodiscard]] Result<PredictedRun> predict(const RunToFit& run, const Scenario& scenario,
                                           const std::atomic<bool>* stop = nullptr);
struct Interrupted {};

// A figure with its weight in the fit: every latency of a run counts once, however many figures it has.
struct Figure {
  Latency latency = Latency::ttft;
  double measured = 0;
  double predicted = 0;
  double weight = 0;
};
[[nodiscard]] std::vector<Figure> figures(const MeasuredRun& measured, const PredictedRun& predicted, const Part& part);

// How many latencies of the run are fitted; how many of them say something of their own (E2E is TTFT and the time
// between tokens, and ITL is TPOT over again); and how many groups of requests stray independently of each other.
[[nodiscard]] std::size_t fitted_latencies(const MeasuredRun& measured);
[[nodiscard]] std::size_t independent_latencies(const MeasuredRun& measured);
[[nodiscard]] std::size_t independent_groups(const MeasuredRun& measured, const Part& part);

// Means over a part, measured and predicted; for reports. Without measured requests the figures' means.
struct MeanPair {
  double measured = 0;
  double predicted = 0;
};
[[nodiscard]] std::optional<MeanPair> means(const MeasuredRun& measured, const PredictedRun& predicted,
                                            const Part& part, Latency latency);

}  // namespace foretoken
