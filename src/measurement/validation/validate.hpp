// Predictions beside measurements, figure by figure; nothing is fitted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "measurement/calibration/measured_file.hpp"

namespace foretoken {

struct ValidationOptions {
  int threads = 0;                                // 0 = one per core; the result does not depend on it
  std::function<void(const Progress&)> progress;  // simulations done
  const std::atomic<bool>* stop = nullptr;        // when it turns true, runs that are done are the result
};

struct ValidatedFigure {
  std::string metric;  // key of the summary; TPOT as vllm bench serve has it
  double measured = 0;
  // Mean over the replications; the interval holds one run more in 95 % of the cases. As wide as its value where the
  // requests were replayed as they were sent: no chance is left.
  Interval predicted;
  // 95 % of what a measurement would show, by the errors of whole runs as measured; NaN: not known.
  double model_low = std::numeric_limits<double>::quiet_NaN();
  double model_high = std::numeric_limits<double>::quiet_NaN();

  [[nodiscard]] double error() const { return predicted.value / measured - 1; }
  // Empty where there is no interval (fewer than three replications) or no band.
  [[nodiscard]] std::optional<bool> inside_chance() const;
  [[nodiscard]] std::optional<bool> inside_model() const;
};

struct ValidatedRun {
  std::string name;
  std::string format;
  std::string sha256;
  std::string load;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  int replications = 0;
  std::vector<ValidatedFigure> figures;  // never empty
  std::string rests_on;                  // whose errors make the bands, in words; empty: there are none
  std::vector<std::string> boundaries;   // where the two do not measure the same, in words
};

struct ValidationResult {
  Scenario scenario;
  std::vector<ValidatedRun> runs;
  std::vector<std::string> warnings;
  std::int64_t simulations = 0;
  bool interrupted = false;  // runs may be missing

  struct Place {
    const ValidatedRun* run = nullptr;
    const ValidatedFigure* figure = nullptr;
  };
  // The figure with the largest error, either way; null without runs.
  [[nodiscard]] Place worst() const;
};

// Errors: files that cannot be read or understood, loads that make no scenario, measurements of something else
// than the scenario (another model, other lengths, another load): see src/measurement/calibration/check_measured.hpp.
[[nodiscard]] Result<ValidationResult> validate(const Question& question, const std::vector<MeasuredFile>& files,
                                                const ValidationOptions& options = {});

// A result of a benchmark tool (vllm bench serve, SGLang, GuideLLM, AIPerf), and no scenario or result of Foretoken.
[[nodiscard]] bool is_foreign_result(const Question& file);

}  // namespace foretoken
