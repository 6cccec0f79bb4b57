// From looks to an answer: outcome, what binds, the knee, headroom and time.
#pragma once

#include "foretoken/study/capacity.hpp"
#include "study/capacity/load_search.hpp"

namespace foretoken {

// Fills everything that follows from the looks: scenario, unit, offered load and looks are there already.
void conclude(CapacityResult& result, const LoadSearch& search, const SearchRange& range);
// Where the requests that decide the binding objective spend their time in `there`, the scenario at the capacity that
// `question` resolves to, and what shortens it.
void describe_bottleneck(CapacityResult& result, const Question& question, const Scenario& there,
                         const RunOptions& options);

// Of the looks by load; `value` is NaN where a look has no figure. Empty with fewer than three figures.
struct CurvePoint {
  double load = 0;
  double value = 0;
};
[[nodiscard]] std::optional<Knee> find_knee(const std::vector<CurvePoint>& curve);
// Until `from` has grown to `to`: 0 when it has already, infinite when it never will.
[[nodiscard]] double days_until(double from, double to, const GrowthRate& growth);

}  // namespace foretoken
