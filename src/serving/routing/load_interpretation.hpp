// How to send what comes before the next look at the loads.
#pragma once

#include <algorithm>
#include <vector>

namespace foretoken {

// Dahlin 2000: `expected` requests will come until loads are known again. Each goes to replica i with the probability
// that is answered, so that at the end those that were emptiest are expected to be equally full. None expected: all to
// the emptiest, in equal shares.
[[nodiscard]] inline std::vector<double> interpreted_shares(const std::vector<double>& loads, double expected) {
  std::vector<double> sorted = loads;
  std::sort(sorted.begin(), sorted.end());
  double level = 0, sum = 0;
  for (std::size_t m = 0; m < sorted.size(); ++m) {
    const double filled = (expected + sum + sorted[m]) / static_cast<double>(m + 1);
    if (m > 0 && filled < sorted[m]) break;
    level = filled;
    sum += sorted[m];
  }
  std::vector<double> shares(loads.size());
  double all = 0;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    shares[i] = expected > 0 ? std::max(0.0, level - loads[i]) : loads[i] == sorted.front() ? 1 : 0;
    all += shares[i];
  }
  for (double& share : shares) share /= all;
  return shares;
}

}  // namespace foretoken
