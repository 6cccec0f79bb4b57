// The version that a result names, and the schema of its document.
#pragma once

#include <string_view>

namespace foretoken {

[[nodiscard]] std::string_view version();

inline constexpr std::string_view kResultSchema = "foretoken.result/1";

}  // namespace foretoken
