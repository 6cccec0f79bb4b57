// Which kernel computes the routed experts: by engine, GPU, format and engine.moe_backend.
#pragma once

#include <string>
#include <vector>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

struct ExpertKernels {
  WeightFormat format = WeightFormat::bf16;  // in which they compute
  // Of coefficient sets, FORMAT.LIBRARY or FORMAT, in order of preference.
  std::vector<std::string> formats;
};
[[nodiscard]] ExpertKernels expert_kernels(const Deployment& deployment);

// Words of engine.moe_backend beside `auto`, which are the libraries of the sets.
[[nodiscard]] std::vector<std::string_view> expert_libraries();

}  // namespace foretoken
