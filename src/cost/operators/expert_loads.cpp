// Expert loads (src/cost/README.md, "Routed experts").
#include "cost/operators/expert_loads.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/math.hpp"

namespace foretoken {
namespace {

// Inverse CDF of a bounded power law at u in (0, 1); alpha = 1 is its logarithmic limit.
double quantile(double u, double low, double high, double alpha) {
  const double power = 1 - alpha;
  if (std::abs(power) < 1e-12) return low * exact_pow(high / low, u);
  const double at_low = exact_pow(low, power);
  return exact_pow((exact_pow(high, power) - at_low) * u + at_low, 1 / power);
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum;
}

// No expert can see a token twice: what exceeds `most` goes evenly to the others.
void cap(std::vector<double>& loads, double most) {
  for (int round = 0; round < 20; ++round) {
    double excess = 0;
    double below = 0;
    for (double& load : loads) {
      if (load > most) {
        excess += load - most;
        load = most;
      } else if (load < most) {
        below += 1;
      }
    }
    if (excess <= 0 || below == 0) return;
    for (double& load : loads) {
      if (load < most) load += excess / below;
    }
  }
}

// Whole tokens that still sum to `total`: half to even, then one by one down the sorted list.
void make_whole(std::vector<double>& loads, double total, double most) {
  for (double& load : loads) {
    const double down = std::floor(load);
    const double rest = load - down;
    const bool up = rest > 0.5 || (rest == 0.5 && std::fmod(down, 2) != 0);
    load = up ? down + 1 : down;
  }
  std::sort(loads.begin(), loads.end(), std::greater<>());
  double missing = total - sum_of(loads);
  bool moved = true;
  while (missing != 0 && moved) {
    moved = false;
    for (double& load : loads) {
      if (missing > 0 && load < most) {
        load += 1;
        missing -= 1;
        moved = true;
      } else if (missing < 0 && load > 0) {
        load -= 1;
        missing += 1;
        moved = true;
      }
      if (missing == 0) break;
    }
  }
}

// The experts of the busiest rank, where they are dealt out in order of their loads.
std::vector<double> busiest_rank(const std::vector<double>& sorted, int ranks) {
  std::vector<double> rank;
  for (std::size_t j = 0; j < sorted.size(); j += static_cast<std::size_t>(ranks)) {
    if (sorted[j] > 0) rank.push_back(sorted[j]);
  }
  return rank;
}

// By a bounded power law, the least popular first, scaled to `total`.
std::vector<double> power_law(int experts, double low, double high, double alpha, double total) {
  std::vector<double> loads(static_cast<std::size_t>(experts));
  for (std::size_t j = 0; j < loads.size(); ++j)
    loads[j] = quantile((static_cast<double>(j) + 0.5) / experts, low, high, alpha);
  const double scale = total / sum_of(loads);
  for (double& load : loads) load *= scale;
  return loads;
}

}  // namespace

std::vector<double> balanced_loads(const RoutingShape& s) {
  const double pairs = s.tokens * s.active / s.expert_parallel;
  const double even = std::min(static_cast<double>(s.experts) / s.expert_parallel, std::ceil(pairs));
  const double active = std::max(1.0, even);
  return std::vector<double>(static_cast<std::size_t>(active), std::max(1.0, pairs / active));
}

std::vector<double> power_law_loads(const RoutingShape& s, double alpha) {
  const double total = s.tokens * s.active;
  const bool many = total > s.experts;
  const double low = many ? 1 : 0.01;
  const double high = many ? 0.8 * s.tokens : 2;
  std::vector<double> loads = power_law(s.experts, low, high, alpha, total);
  cap(loads, s.tokens);
  make_whole(loads, total, s.tokens);
  return busiest_rank(loads, s.expert_parallel);
}

std::vector<double> expert_popularity(const RoutingShape& s, double alpha, double spread) {
  std::vector<double> shares = power_law(s.experts, 1, spread, alpha, s.active);
  cap(shares, 1);
  std::sort(shares.begin(), shares.end(), std::greater<>());
  return busiest_rank(shares, s.expert_parallel);
}

}  // namespace foretoken
