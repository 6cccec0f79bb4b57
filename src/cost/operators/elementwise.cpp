// Elementwise kernel time (src/cost/README.md, "Elementwise passes").
#include "cost/operators/elementwise.hpp"

#include "base/math.hpp"

namespace foretoken {

Estimate elementwise_estimate(double bytes, const ServedSet& set) {
  enum : std::size_t { kT0, kX1, kX2, kX3 };
  if (!(bytes > 0)) return {};
  if (set.level != CostLevel::calibrated) {
    return roofline_estimate(set.roofline.t0, 0, bytes / (set.device.bandwidth * set.roofline.em));
  }
  const auto& c = set.c;
  // From L2 x3 times faster; elementwise chains find the previous kernel's output there even in a real step.
  const double missing = 1 / (1 + exact_pow(set.device.l2_bytes * c[kX2] / bytes, 4));
  return {c[kT0], bytes * std::max(missing, 1 / c[kX3]) / (set.device.bandwidth * c[kX1]), TimePart::memory};
}

Estimate memory_pass(double bytes, double t0, double efficiency, const Device& device) {
  if (!(bytes > 0)) return {};
  return {t0, bytes / (efficiency * device.bandwidth), TimePart::memory};
}

}  // namespace foretoken
