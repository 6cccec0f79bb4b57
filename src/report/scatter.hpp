// Points on two logarithmic axes, drawn with characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/report/report.hpp"

namespace foretoken {

struct ScatterPoint {
  double x = 0;
  double y = 0;
  std::string mark;  // one character on screen
};

// Later points are drawn over earlier ones; what is not finite and positive is left out. Empty when
// fewer than two different points remain. `x_title` and `y_title` name the axes with their units.
[[nodiscard]] std::string scatter(const std::vector<ScatterPoint>& points, std::string_view x_title,
                                  std::string_view y_title, std::string_view indent, const TextStyle& style);

}  // namespace foretoken
