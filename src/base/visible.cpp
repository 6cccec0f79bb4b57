// Finding and spelling control characters.
#include "base/visible.hpp"

#include <fmt/format.h>

namespace foretoken {

std::size_t find_control(std::string_view text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) return i;
    if (c != 0xc2 || i + 1 == text.size()) continue;
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (next >= 0x80 && next < 0xa0) return i;
  }
  return std::string_view::npos;
}

std::string visible(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = find_control(text); at != std::string_view::npos; at = find_control(text, done)) {
    const bool two_bytes = static_cast<unsigned char>(text[at]) == 0xc2;
    const auto code = static_cast<unsigned char>(text[at + (two_bytes ? 1 : 0)]);
    out += text.substr(done, at - done);
    out += fmt::format("\\x{:02x}", code);
    done = at + (two_bytes ? 2 : 1);
  }
  return out += text.substr(done);
}

}  // namespace foretoken
