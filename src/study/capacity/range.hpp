// Where to look for a capacity: from a request alone to far beyond what engines let through.
#pragma once

#include <optional>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/study/check.hpp"
#include "study/capacity/load_search.hpp"
#include "study/load/load_knob.hpp"

namespace foretoken {

struct LoadEstimate {
  double alone_seconds = 0;        // of a mean request on an idle engine
  double requests_per_second = 0;  // that full batches let through, roughly
  double seats = 0;                // requests in service at once, over all replicas
};
[[nodiscard]] LoadEstimate estimate_of(const Scenario& scenario, const Explanation& explanation);

// The scenario's own load is looked at too.
[[nodiscard]] SearchRange range_of(const Scenario& scenario, const LoadKnob& knob, const LoadEstimate& estimate);

// No objectives, or contradictory ones.
[[nodiscard]] Diagnostics capacity_problems(const Question& question, const Scenario& scenario);

// An objective that no load meets: `alone` is the scenario at the least of the range.
[[nodiscard]] Result<std::optional<Bound>> impossible_alone(const Scenario& alone);

}  // namespace foretoken
