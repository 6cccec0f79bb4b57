// Rounds to significant digits, then spells the digits out.
#include "base/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace foretoken {

std::string plain_figure(double value, int digits) {
  const std::string rounded = fmt::format("{:.{}g}", value, digits);
  const auto exponent = rounded.find('e');
  const double size = std::abs(value);
  if (!std::isfinite(value) || size >= 1e15 || size < 1e-9) return rounded;
  if (exponent == std::string::npos && std::abs(std::stod(rounded)) < 1000) return rounded;
  // Of the rounded number: 9,999.9 is 1e+04 to four digits.
  const std::string scientific = fmt::format("{:.{}e}", value, digits - 1);
  const int power = std::stoi(scientific.substr(scientific.find('e') + 1));
  // As many decimals as the digits leave; a trailing zero says nothing.
  std::string text = fmt::format("{:.{}f}", std::stod(rounded), std::max(0, digits - 1 - power));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  const std::size_t first = value < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(std::min(text.find('.'), text.size())) - 3;
       at > static_cast<std::ptrdiff_t>(first); at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

}  // namespace foretoken
