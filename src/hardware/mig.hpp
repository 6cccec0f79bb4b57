// Slices of a GPU (NVIDIA's multi-instance GPUs) as GPUs of their own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/hardware/gpu_spec.hpp"

namespace foretoken {

// `3g.40gb`, `3g`, `1g.20gb` (the double memory of 1g), as NVIDIA names them. Empty: the GPU has no such slice.
[[nodiscard]] std::optional<GpuSpec> mig_slice(const GpuSpec& gpu, std::string_view profile);
// Those that it has, with their memory; none: it cannot be sliced.
[[nodiscard]] std::vector<std::string> mig_profiles(const GpuSpec& gpu);

}  // namespace foretoken
