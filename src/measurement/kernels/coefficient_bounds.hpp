// Between what a fitted coefficient makes sense, and where a fit begins.
#pragma once

#include <string_view>

namespace foretoken {

struct CoefficientBounds {
  double least = 0, most = 0, start = 0;  // SI units
};
// Precondition: the operation's formula has a coefficient of that name.
[[nodiscard]] CoefficientBounds coefficient_bounds(std::string_view operation, std::string_view name);

}  // namespace foretoken
