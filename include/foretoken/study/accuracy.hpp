// Predictions held against measurements: kernels one by one, and whole serving runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/cost/kernels.hpp"

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
  int threads = 0;  // 0 = one per core; the result does not depend on it
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

}  // namespace foretoken
