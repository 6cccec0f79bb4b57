// What `--format vllm` writes, for the schema.
#pragma once

#include "foretoken/base/json.hpp"

namespace foretoken {

[[nodiscard]] Json vllm_shape();

}  // namespace foretoken
