// The figures of KV caches outside the GPU.
#pragma once

#include "foretoken/metrics/summary.hpp"

namespace foretoken {

[[nodiscard]] std::span<const Column> kv_tier_columns();

}  // namespace foretoken
