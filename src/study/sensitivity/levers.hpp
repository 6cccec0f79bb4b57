// The figures of a scenario that a sensitivity study moves.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "study/sensitivity/sensitivity.hpp"

namespace foretoken {

struct Lever {
  std::string name;
  LeverGroup group = LeverGroup::hardware;
  double now = 0;
  std::string unit;
  // Multiplies the figure; gives the factor that came of it (integers are rounded, shares end at 1).
  std::function<double(Scenario&, double factor)> scale;
};

// Those that exist in this scenario.
[[nodiscard]] std::vector<Lever> levers_of(const Scenario& scenario);

}  // namespace foretoken
