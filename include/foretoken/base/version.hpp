// Releases in order.
#pragma once

#include <string_view>

namespace foretoken {

// Dotted numbers, compared part by part as far as the bound goes: 0.5.18 is at least 0.5.9. A part that is missing or
// no number is 0.
[[nodiscard]] bool version_at_least(std::string_view version, std::string_view bound);

}  // namespace foretoken
