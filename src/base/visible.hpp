// Text of others on a terminal: what a file says cannot move the cursor or colour anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace foretoken {

// The text with control characters written out (ESC as \x1b). Tabs and line breaks stay.
[[nodiscard]] std::string visible(std::string_view text);
// The first byte of a control character other than tab and line break, or npos: C0, DEL, and C1 as UTF-8.
[[nodiscard]] std::size_t find_control(std::string_view text, std::size_t from = 0);

}  // namespace foretoken
