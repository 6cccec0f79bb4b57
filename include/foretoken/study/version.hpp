// The version that a result names.
#pragma once

#include <string_view>

namespace foretoken {

[[nodiscard]] std::string_view version();

}  // namespace foretoken
