// Number formats as scenarios spell them.
#pragma once

#include <string_view>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

// Null: none of engine.quantization's.
[[nodiscard]] const WeightFormat* named_format(std::string_view name);
// Of engine.kv_cache_dtype; `auto` and 16-bit types are one.
[[nodiscard]] KvFormat kv_format_of(std::string_view name);

}  // namespace foretoken
