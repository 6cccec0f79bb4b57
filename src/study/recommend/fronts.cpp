// Pareto fronts among simulated candidates.
#include <algorithm>
#include <cmath>

#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

// Figures of a simulation this close are one.
constexpr double kSameFigure = 0.005;

// Sorted by falling x; of those, each that has more y than all before. A short run's rates include its filling and
// emptying: they are no match for those of a verdict, and count only where there is none.
template <class X, class Y>
std::vector<Candidate> front_of(std::vector<Candidate> candidates, const X& x, const Y& y) {
  std::erase_if(candidates, [&](const Candidate& c) { return !std::isfinite(x(c)) || !std::isfinite(y(c)); });
  if (std::any_of(candidates.begin(), candidates.end(), [](const Candidate& c) { return !c.short_run; }))
    std::erase_if(candidates, [](const Candidate& c) { return c.short_run; });
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    if (x(a) != x(b)) return x(a) > x(b);
    return y(a) != y(b) ? y(a) > y(b) : a.index < b.index;
  });
  std::vector<Candidate> front;
  for (Candidate& c : candidates) {
    if (front.empty() || y(c) - y(front.back()) > kSameFigure * std::abs(y(front.back())))
      front.push_back(std::move(c));
  }
  return front;
}

}  // namespace

std::vector<Candidate> throughput_front(std::vector<Candidate> simulated) {
  return front_of(
      std::move(simulated), [](const Candidate& c) { return c.figures.tokens_per_s_per_gpu; },
      [](const Candidate& c) { return c.figures.tokens_per_s_per_user; });
}

std::vector<Candidate> cost_front(std::vector<Candidate> simulated, std::size_t objective, bool smaller_is_better,
                                  bool by_money) {
  return front_of(
      std::move(simulated), [&](const Candidate& c) { return -c.cost.rank(by_money); },
      [&](const Candidate& c) {
        if (objective >= c.objectives.size()) return std::nan("");
        const double value = c.objectives[objective].interval.value;
        return smaller_is_better ? -value : value;
      });
}

}  // namespace foretoken
