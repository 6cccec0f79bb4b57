// Coefficient sets from a table of kernel times: the kernels of one's own GPU, or the sets that the program carries.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/cost/calibration.hpp"

namespace foretoken {

struct KernelFitOptions {
  std::string names_path;  // as of read_kernel_table()
  std::string catalog_dir;
  std::vector<std::string> operations;  // only these; empty = all that have a formula
  int threads = 0;                      // 0 = one per core; the result does not depend on it
};

// The kernel at one shape of experts, beside the formula of its set.
struct MeasuredCurve {
  int experts = 0, active = 0, hidden = 0, width = 0, ranks = 0;  // width: on one device
  bool even = true;                                               // routing: balanced, or by a power law
  std::vector<std::pair<double, double>> points;                  // tokens of the group, measured / predicted time
};
struct FittedKernelSet {
  CoefficientSet set;
  std::vector<MeasuredCurve> curves;  // of experts
  double error = 0;                   // mean absolute relative error on what it was fitted to
};
// Launches of one kind that gave no set.
struct UnfittedKernels {
  std::string what;
  std::int64_t rows = 0;
  std::string reason;
};
struct KernelFit {
  std::string path;
  std::vector<FittedKernelSet> sets;       // by GPU, engine, version, operation, format
  std::vector<CalibrationDevice> devices;  // their GPUs
  std::vector<UnfittedKernels> left_out;
};

// Errors: a file that is not a kernel table; one from which no set can be fitted.
[[nodiscard]] Result<KernelFit> fit_kernels(const std::string& path, const KernelFitOptions& options = {});

}  // namespace foretoken
