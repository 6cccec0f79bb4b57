// Predictions held against measurements: kernels one by one, and whole serving runs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cost/kernels.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "measurement/accuracy/draft_hypothesis.hpp"

namespace foretoken {

// How far predictions are from measurements, in percent of the measurement.
struct ErrorStatistics {
  std::int64_t rows = 0;
  std::int64_t cells = 0;  // systems among the rows; of equal weight, however many rows they have
  double median = 0;       // of the absolute error, as the 90th percentile
  double p90 = 0;
  double mean = 0;   // absolute
  double bias = 0;   // mean of the signed error: above 0 = predicted too long or too much
  double worst = 0;  // signed, of the row with the largest absolute error
  std::string worst_row;
};

// One prediction and what it belongs to.
struct ErrorSample {
  double percent = 0;  // 100 * (predicted / measured - 1)
  std::string row;     // names the row
  std::string cell;    // empty: every row has the same weight
};
// Percentile q: the smallest error that at least the share q of the weight does not exceed.
[[nodiscard]] ErrorStatistics error_statistics(const std::vector<ErrorSample>& samples);

// Names of models and GPUs in measurement files, for those that the catalog does not know.
struct AccuracyOptions {
  std::string names_path;  // CSV kind,name_in_points,facts_name; empty = names.csv beside the file, if there is one
  std::string catalog_dir;
  std::vector<std::string> overrides;  // KEY=VALUE of every row's scenario: what a mechanism is worth
  int threads = 0;                     // 0 = one per core; the result does not depend on it
};

struct KernelRow {
  int line = 0;              // of the file
  std::string kernel_class;  // operation, GPU, engine and version, types
  double measured_us = 0;
  std::optional<double> predicted_us;
  std::optional<double> error_percent;
  std::optional<double> reference_us;  // m3_us of the file
  std::string served_by;               // coefficient set
  std::string skipped;                 // why there is no prediction
};
struct KernelClass {
  std::string name;
  ErrorStatistics errors;
  std::optional<double> reference_gap_percent;  // largest |predicted / reference - 1|
};
struct KernelAccuracy {
  std::string path;
  std::vector<KernelRow> rows;
  std::vector<KernelClass> classes;  // by name
  ErrorStatistics overall;           // classes of equal weight
  std::optional<double> reference_gap_percent;
};
// Errors: a file that is not a kernel table, broken numbers; all of them with their lines.
[[nodiscard]] Result<KernelAccuracy> compare_kernels(const std::string& path, const AccuracyOptions& options = {});

// ---- whole serving runs ----
enum class ServingMetric { ttft, tpot, itl, e2e, output_throughput };
inline constexpr std::size_t kServingMetrics = 5;
// As the columns of a file of points: ttft_ms ... output_tps_total.
[[nodiscard]] std::string_view to_string(ServingMetric metric);
// Milliseconds and tokens per second, by ServingMetric; TPOT divides by N - 1. Empty where there is none.
using ServingFigures = std::array<std::optional<double>, kServingMetrics>;

struct PointRow {
  int line = 0;  // of the file
  std::string id;
  std::string grade;   // A static batch, B closed loop, C offline, D open loop, E not scored
  std::string group;   // engine generation (and kind of model), as targets name them
  std::string cell;    // model, GPU, engine, precision, split
  std::string engine;  // of the simulator
  bool scored = true;
  bool speculative = false;  // several tokens a step for sure or perhaps; how many are accepted nobody said
  bool cold = false;         // the engine's start is in its times, which are then told apart and not scored
  bool closed_loop = false;
  std::int64_t output_tokens = 0;
  ServingFigures measured;
  ServingFigures predicted;
  ServingFigures error_percent;
  double band_percent = 0;     // half-width of the 95 % band of its typical decode step; 0 = the level has none
  bool inside_range = true;    // all its operators within their calibrated ranges
  bool other_release = false;  // of the engine than that which is simulated: its band is not judged
  std::string skipped;         // why there is no prediction
  std::optional<DraftHypothesis> drafts;  // of speculative rows: what would explain the measured TPOT; never scored
};
// How often the measured TPOT lies within the band that the prediction carries. Cells have equal weight.
struct BandCoverage {
  bool inside_range = true;  // of rows whose operators all are; else of the others
  std::int64_t rows = 0;
  double half_width_percent = 0;  // median
  double covered = 0;             // share of the rows' weight
};
struct PointErrors {
  std::string grade;
  std::string group;  // empty: all scored groups
  std::string cell;   // empty: all cells
  ServingMetric metric = ServingMetric::ttft;
  ErrorStatistics errors;
};
struct PointAccuracy {
  std::string path;
  std::vector<PointRow> rows;  // in the order of the file
  std::vector<PointErrors> overall;
  std::vector<PointErrors> groups;
  std::vector<PointErrors> cells;
  std::vector<BandCoverage> bands;          // inside the range first
  RunErrorTable run_errors;                 // of rows whose engine settings are known
  std::vector<ReliabilityBin> reliability;  // of probabilities that rest on half of the systems
};
// What P(meets) rests on: scored rows without speculation, open loops and batches as measured. Of a closed loop E2E and
// throughput follow from TTFT and TPOT where the source has none.
[[nodiscard]] std::vector<RunErrorSample> run_error_samples(const std::vector<PointRow>& rows);
// Simulates every row of a file in the format of the measured points. Errors as compare_kernels().
[[nodiscard]] Result<PointAccuracy> compare_points(const std::string& path, const AccuracyOptions& options = {});

}  // namespace foretoken
