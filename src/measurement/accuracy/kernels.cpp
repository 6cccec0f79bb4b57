// Kernel tables: every launch of the file priced by the coefficient set of its own GPU,
// engine, version and format, as if operands stayed in L2 where they were timed so.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "foretoken/scenario/catalog.hpp"
#include "measurement/accuracy/accuracy.hpp"
#include "measurement/kernels/kernel_table.hpp"

namespace foretoken {
namespace {

KernelRow predicted(const TableKernel& kernel, const CalibrationTable& calibration) {
  KernelRow out;
  out.line = kernel.line;
  out.kernel_class = kernel.kernel_class;
  out.measured_us = kernel.measured_us;
  out.reference_us = kernel.reference_us;
  out.skipped = kernel.skipped;
  if (!out.skipped.empty()) return out;
  const KernelQuery& q = kernel.query;
  const auto prediction = predict_kernel(calibration, q);
  if (!prediction) {
    out.skipped = fmt::format("no coefficient set {}/{}/{}/{}/{}", q.gpu, q.engine, q.version, q.format, q.operation);
    return out;
  }
  out.predicted_us = prediction->seconds * 1e6;
  out.error_percent = (*out.predicted_us / out.measured_us - 1) * 100;
  out.served_by = prediction->served_by;
  return out;
}

void widen(std::optional<double>& gap, double percent) {
  gap = std::max(gap.value_or(0), percent);
}

void summarise(KernelAccuracy& result) {
  std::map<std::string, std::vector<ErrorSample>> samples;
  std::map<std::string, std::optional<double>> gaps;
  std::vector<ErrorSample> all;
  for (const KernelRow& row : result.rows) {
    if (!row.error_percent) continue;
    const std::string name = fmt::format("line {}", row.line);
    samples[row.kernel_class].push_back({*row.error_percent, name, {}});
    all.push_back({*row.error_percent, name, row.kernel_class});
    if (!row.reference_us) continue;
    const double gap = std::abs(*row.predicted_us / *row.reference_us - 1) * 100;
    widen(gaps[row.kernel_class], gap);
    widen(result.reference_gap_percent, gap);
  }
  for (const auto& [name, errors] : samples) {
    result.classes.push_back({name, error_statistics(errors), gaps[name]});
  }
  result.overall = error_statistics(all);
}

}  // namespace

Result<KernelAccuracy> compare_kernels(const std::string& path, const AccuracyOptions& options) {
  const Catalog catalog(options.catalog_dir);
  const Result<std::vector<TableKernel>> kernels = read_kernel_table(path, options.names_path, catalog);
  const Result<SharedCalibration> calibration = catalog.calibration();
  Diagnostics problems;
  if (!kernels) problems.append(kernels.error());
  if (!calibration) problems.append(calibration.error());
  if (problems.has_errors()) return problems;

  KernelAccuracy result;
  result.path = path;
  for (const TableKernel& kernel : *kernels) result.rows.push_back(predicted(kernel, *calibration));
  summarise(result);
  return result;
}

}  // namespace foretoken
