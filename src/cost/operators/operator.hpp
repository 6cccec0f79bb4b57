// What every operator of a step has in common: its work, its time on the physics
// that serves it, and the datasheet bound nothing may beat.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cost/operators/device.hpp"
#include "foretoken/cost/step.hpp"

namespace foretoken {

struct Work {
  double flops = 0;
  double bytes = 0;  // memory traffic of one device
  bool operator==(const Work&) const = default;
};

// Time of one launch in seconds: constants apart from what grows with the work.
struct Estimate {
  double fixed = 0;
  double variable = 0;
  TimePart bound = TimePart::memory;  // of the variable part
  [[nodiscard]] double seconds() const { return fixed + variable; }
};

struct RooflineCoefficients {
  double t0 = 0;  // s
  double ec = 1;  // of the peak, or of the link bandwidth
  double em = 1;  // of the memory bandwidth
};

// A kernel as it was timed at one shape: its time over that of the set's formula, by tokens.
struct MeasuredPoint {
  double tokens = 0;
  double ratio = 1;
};

// The physics that serves one family of operators, settled once per deployment.
// `c` holds the calibrated coefficients in the order of the operator's formula.
struct ServedSet {
  CostLevel level = CostLevel::roofline;
  Device device;
  RooflineCoefficients roofline;
  std::array<double, 10> c{};
  std::size_t coefficients = 0;
  std::string name;
  std::string engine;        // whose kernels were timed; empty: no set
  std::string timed_as;      // GPU, engine, version and format of a built-in set of just this GPU; empty: none
  bool routes = false;       // experts: the top-k, permutation and combination are in its times
  bool small_tiles = false;  // experts: a library's own set, whose kernels have tiles of 8 rows too
  std::vector<MeasuredPoint> measured;  // experts: of just this shape, by tokens; empty = the formula alone
  std::vector<FittedRange> ranges;
  double error = 0;  // mean absolute relative error to expect inside the ranges
};

// One line of a step: `count` launches of an operator.
struct Operator {
  const char* name = "";
  double count = 1;
  Work work;             // of one launch
  Estimate estimate;     // of one launch
  double datasheet = 0;  // seconds, of one launch
  const ServedSet* served = nullptr;
  bool inside_range = true;
};

// t0 + max(compute, memory): the roofline and, with t0 = 0 and efficiencies of 1, the datasheet.
[[nodiscard]] inline Estimate roofline_estimate(double t0, double compute, double memory) {
  return {t0, std::max(compute, memory), compute > memory ? TimePart::compute : TimePart::memory};
}
[[nodiscard]] inline double datasheet_seconds(const Work& work, double peak, double bandwidth) {
  return std::max(work.flops / peak, work.bytes / bandwidth);
}

// Share of the traffic that misses an L2 cache of `effective_l2_bytes` for a working
// set of w bytes (src/cost/README.md, "Symbols"). A step of a real engine finds nothing resident.
[[nodiscard]] double l2_miss(bool resident, double working_set, double effective_l2_bytes, double steepness);

// Whether a shape value lies in what the set was fitted on.
[[nodiscard]] bool inside_range(const ServedSet& set, const char* dimension, double value);

}  // namespace foretoken
