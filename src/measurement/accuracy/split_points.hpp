// Measured runs of prefill and decode pools: a file of points with columns of its own.
#pragma once

#include "measurement/accuracy/point.hpp"

namespace foretoken {

[[nodiscard]] bool has_split_points(const std::string& path);
[[nodiscard]] Result<std::vector<Point>> read_split_points(const std::string& path);

}  // namespace foretoken
