// The values of what-if axes: lists and ranges, from the scenario and from `--over`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenario/yaml_tree.hpp"

namespace foretoken {

// Names the axes of the command line in diagnostics; axis i stands on its line i + 1.
inline constexpr std::string_view kOverSource = "--over";
inline constexpr std::size_t kMaxPoints = 100'000;

// Adds every `path=values` to the map that stands under `keys` in the scenario.
void join_axes(YamlNode& root, const std::vector<std::string>& keys, const std::vector<std::string>& over,
               Diagnostics& problems);

// The values of one axis in order, ranges written out: a list whose items are values or ranges
// (`1, 2, 4..512`), `{choices: [...]}`, or `{range: {from, to, step | factor}}`.
[[nodiscard]] std::vector<YamlNode> axis_values(const std::string& path, const YamlNode& domain, Diagnostics& problems);

}  // namespace foretoken
