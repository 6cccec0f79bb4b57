// Finds the mistakes that hardware tables are known for: a sparsity figure taken
// for a dense one, GB for GiB, both directions of a link summed, figures swapped.
#pragma once

#include <string>
#include <vector>

#include "foretoken/hardware/gpu_spec.hpp"

namespace foretoken {

// One sentence per suspicious figure, with the numbers; empty = nothing found.
[[nodiscard]] std::vector<std::string> implausible_figures(const GpuSpec& gpu);
[[nodiscard]] std::vector<std::string> implausible_figures(const LinkSpec& link);

}  // namespace foretoken
