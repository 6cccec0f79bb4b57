// One coefficient set, fitted to the launches of one kernel.
#pragma once

#include <span>
#include <vector>

#include "foretoken/cost/calibration.hpp"
#include "measurement/kernels/kernel_table.hpp"

namespace foretoken {

struct FittedSet {
  std::vector<double> coefficients;  // in the formula's order
  double error = 0;                  // mean of the absolute relative errors
  double held_out_error = 0;         // the same on families that the fit has not seen; 0 = there are too few
};

// Precondition: the launches are of one operation, which has a calibrated formula, and at least as many as twice its
// coefficients. Least squares of ln(predicted / measured), where what is more than 10 % off counts in proportion rather
// than as its square: a few launches that no formula describes do not bend it.
[[nodiscard]] FittedSet fit_set(const OperationCoefficients& operation, const CalibrationDevice& device,
                                std::span<const TableKernel* const> kernels);

}  // namespace foretoken
