// Helpers shared by the operator families.
#include "cost/operators/operator.hpp"

#include "base/math.hpp"

namespace foretoken {

double l2_miss(bool resident, double working_set, double effective_l2_bytes, double steepness) {
  if (!resident || !(effective_l2_bytes > 0) || !(working_set > 0)) return 1;
  return 1 / (1 + exact_pow(effective_l2_bytes / working_set, steepness));
}

bool inside_range(const ServedSet& set, const char* dimension, double value) {
  for (const FittedRange& range : set.ranges) {
    if (range.dimension == dimension && (value < range.low || value > range.high)) return false;
  }
  return true;
}

}  // namespace foretoken
