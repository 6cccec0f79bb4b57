// Percentiles of errors in which every measured system counts the same.
#include <algorithm>
#include <cmath>
#include <map>

#include "measurement/accuracy/accuracy.hpp"

namespace foretoken {
namespace {

struct Weighted {
  double error = 0;
  double weight = 0;
};

double weighted_percentile(const std::vector<Weighted>& sorted, double q) {
  double total = 0;
  for (const Weighted& w : sorted) total += w.weight;
  double below = 0;
  for (const Weighted& w : sorted) {
    below += w.weight;
    if (below >= q * total * (1 - 1e-12)) return w.error;
  }
  return sorted.back().error;
}

}  // namespace

ErrorStatistics error_statistics(const std::vector<ErrorSample>& samples) {
  ErrorStatistics s;
  if (samples.empty()) return s;
  std::map<std::string, std::int64_t> in_cell;
  for (const ErrorSample& sample : samples) ++in_cell[sample.cell];
  std::vector<Weighted> errors;
  double total = 0;
  for (const ErrorSample& sample : samples) {
    const double weight = in_cell.size() == 1 ? 1 : 1 / static_cast<double>(in_cell[sample.cell]);
    const double size = std::abs(sample.percent);
    errors.push_back({size, weight});
    s.mean += size * weight;
    s.bias += sample.percent * weight;
    total += weight;
    if (s.worst_row.empty() || size > std::abs(s.worst)) {
      s.worst = sample.percent;
      s.worst_row = sample.row;
    }
  }
  std::stable_sort(errors.begin(), errors.end(),
                   [](const Weighted& a, const Weighted& b) { return a.error < b.error; });
  s.rows = static_cast<std::int64_t>(samples.size());
  s.cells = static_cast<std::int64_t>(in_cell.size());
  s.median = weighted_percentile(errors, 0.5);
  s.p90 = weighted_percentile(errors, 0.9);
  s.mean /= total;
  s.bias /= total;
  return s;
}

}  // namespace foretoken
