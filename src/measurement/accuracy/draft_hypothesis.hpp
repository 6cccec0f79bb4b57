// Would speculation explain a run that is faster than predicted, though nobody said that it was on?
#pragma once

#include <optional>
#include <string>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// With so many drafts rows would have to put out so many tokens in the mean.
struct DraftHypothesis {
  std::string method;
  int tokens = 0;
  double length = 1;      // above 1 + tokens: no acceptance explains it
  double step_ratio = 1;  // of a step with drafts over one without
  [[nodiscard]] bool possible() const { return length >= 1 && length <= 1 + tokens; }
  bool operator==(const DraftHypothesis&) const = default;
};

// Times per token of a run as simulated without drafts and as measured. Empty: its batch is not known. The fewest of 1
// and 3 drafts that could explain it, or 3.
[[nodiscard]] std::optional<DraftHypothesis> draft_hypothesis(const Scenario& scenario, double predicted_tpot,
                                                              double measured_tpot);

}  // namespace foretoken
