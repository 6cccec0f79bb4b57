// Fits a handful of named cost terms to measured runs, so that the simulation tells them as they were.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "measurement/calibration/measured_file.hpp"

namespace foretoken {

struct CalibrationOptions {
  std::int64_t fit_first = 0;                     // of each run's requests; the rest is predicted only. 0 = all
  std::vector<std::string> terms;                 // names of those to fit; empty = all that the data determine
  int threads = 0;                                // 0 = one per core; the result does not depend on it
  std::function<void(const Progress&)> progress;  // simulations done
  const std::atomic<bool>* stop = nullptr;        // when it turns true, what is known so far is the result
};

// fitted: every explanation of the data needs the term. ambiguous: moved, but others explain the data as well without
// it. kept: at its default.
enum class TermStatus { fitted, at_bound, ambiguous, kept };
struct CalibrationTerm {
  std::string name;
  std::string path;  // key of a scenario
  std::string unit;  // value, default ... are in it; empty = none
  double value = 0;
  double default_value = 0;
  double least = 0;
  double most = 0;
  // Of value, with what the choice among the explanations adds; 0 when the data say nothing of it.
  double standard_error = 0;
  TermStatus status = TermStatus::kept;
  std::string reason;  // why it was kept, or with what it is confused
};

// Terms that, moved to these values, make the simulation tell the measurements; all others at their defaults.
struct CalibrationExplanation {
  struct Moved {
    std::string name;
    std::string unit;
    double value = 0;
  };
  std::vector<Moved> terms;
  double probability = 0;  // that it is the right one of all
};

struct CalibratedRun {
  std::string name;
  std::string format;
  std::string sha256;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t fitted_requests = 0;  // 0 = its figures as a whole
  std::string load;
  std::vector<std::string> notes;
};

// A mean latency in ms, as measured and as simulated.
struct CalibrationError {
  std::string run;
  std::string part;     // which of its requests
  std::string latency;  // ttft, tpot, e2el, itl
  double measured = 0;
  double before = 0;               // with the scenario's terms
  double after = 0;                // with the fitted terms
  std::optional<double> held_out;  // with terms fitted without these requests
};

struct CalibrationResult {
  Scenario scenario;
  std::vector<CalibratedRun> runs;
  std::vector<CalibrationTerm> terms;
  // What the fitted values stand for comes first; then other ways to explain the same data, if any is at least a
  // twentieth as probable and does more than move further terms.
  std::vector<CalibrationExplanation> explanations;
  // Of the moved terms that are not at a bound, in their order and units.
  std::vector<std::string> covariance_terms;
  std::vector<std::vector<double>> covariance;
  // Of all terms that can act, each moved by what one does not know beforehand, in units of the scatter:
  // below 1 a combination of terms is not seen in the data.
  std::vector<double> singular_values;
  std::int64_t figures = 0;
  double rms_before = 0;  // of the weighted log ratios
  double rms_after = 0;
  std::string held_out_by;  // how the held-out errors came about; empty = there are none
  std::vector<CalibrationError> errors;
  std::int64_t simulations = 0;
  bool interrupted = false;  // no terms: before they were known; otherwise held-out errors may be missing
  std::vector<std::string> warnings;
};

// Errors: files that cannot be read or understood, loads that make no scenario, data that determine no term.
[[nodiscard]] Result<CalibrationResult> calibrate(const Question& question, const std::vector<MeasuredFile>& files,
                                                  const CalibrationOptions& options = {});

}  // namespace foretoken
