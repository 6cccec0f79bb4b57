// Expert loads (src/cost/README.md, "Routed experts").
#include "cost/operators/expert_loads.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>

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

// Half to even.
double whole(double value) {
  const double down = std::floor(value);
  const double rest = value - down;
  return rest > 0.5 || (rest == 0.5 && std::fmod(down, 2) != 0) ? down + 1 : down;
}

using Ranks = std::vector<std::vector<double>>;  // the loads of each rank's experts

// Experts come to the ranks as chance has it: by a hash of their place, always the same.
Ranks in_blocks(const std::vector<double>& loads, int ranks) {
  const auto mixed = [](std::uint64_t place) {
    std::uint64_t x = (place + 1) * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  };
  std::vector<std::size_t> order(loads.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return mixed(a) < mixed(b); });
  Ranks blocks(static_cast<std::size_t>(ranks));
  for (std::size_t i = 0; i < order.size(); ++i) blocks[i * blocks.size() / order.size()].push_back(loads[order[i]]);
  return blocks;
}

// One token after the other, in turn on every rank: missing ones go to the expert that has fewest, surplus ones come
// from the one that has most.
void settle(Ranks& ranks, double missing, double most) {
  const bool more = missing > 0;
  const auto later = [more](double a, double b) { return more ? a > b : a < b; };
  for (std::vector<double>& loads : ranks) std::make_heap(loads.begin(), loads.end(), later);
  double left = std::abs(missing);
  for (bool moved = true; left > 0 && moved;) {
    moved = false;
    for (std::vector<double>& loads : ranks) {
      if (left <= 0) return;
      if (loads.empty() || (more ? loads.front() >= most : loads.front() <= 0)) continue;
      std::pop_heap(loads.begin(), loads.end(), later);
      loads.back() += more ? 1 : -1;
      std::push_heap(loads.begin(), loads.end(), later);
      left -= 1;
      moved = true;
    }
  }
}

std::vector<double> busiest(const Ranks& ranks) {
  std::vector<double> loads =
      *std::max_element(ranks.begin(), ranks.end(), [](const auto& a, const auto& b) { return sum_of(a) < sum_of(b); });
  loads.erase(std::remove(loads.begin(), loads.end(), 0.0), loads.end());
  std::sort(loads.begin(), loads.end(), std::greater<>());
  return loads;
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
  double excess = 0;
  for (double& load : loads) {
    load = whole(load);
    excess += std::max(load - s.tokens, 0.0);
    load = std::min(load, s.tokens);
  }
  Ranks ranks = in_blocks(loads, s.expert_parallel);
  settle(ranks, excess, s.tokens);
  double sum = 0;
  for (const std::vector<double>& rank : ranks) sum += sum_of(rank);
  settle(ranks, total - sum, s.tokens);
  return busiest(ranks);
}

std::vector<double> expert_popularity(const RoutingShape& s, double alpha, double spread) {
  std::vector<double> shares = power_law(s.experts, 1, spread, alpha, s.active);
  cap(shares, 1);
  std::sort(shares.begin(), shares.end(), std::greater<>());
  return busiest_rank(shares, s.expert_parallel);
}

}  // namespace foretoken
