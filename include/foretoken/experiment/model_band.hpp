// How far the cost model itself may be off, whatever the number of simulated requests.
#pragma once

#include <string>
#include <vector>

#include "foretoken/experiment/explain.hpp"

namespace foretoken {

// Half-widths of 95 % bands on the time of a typical step, as shares of it. Each operator brings the error of its
// coefficient set on shapes held out from its fit, half as much again on a neighbouring GPU's set, twice as
// much outside the fitted range; errors of different operators are taken as independent.
struct ModelBand {
  double prefill = 0;
  double decode = 0;
  bool inside_range = true;          // all operators of both steps
  std::vector<std::string> outside;  // the others, by name
  double outside_share = 0;          // of the step where they take most of it
};

// Zero bands at the levels that are no prediction of hardware (datasheet: a bound; affine: the user's own).
[[nodiscard]] ModelBand model_band(const Explanation& explanation);

}  // namespace foretoken
