// Shares as people write them.
#pragma once

#include <optional>
#include <string>

#include "base/csv.hpp"

namespace foretoken {

// 10%, 10 % or 0.1; empty for what is no number.
[[nodiscard]] inline std::optional<double> parse_share(std::string text) {
  const bool percent = !text.empty() && text.back() == '%';
  if (percent) text.pop_back();
  while (!text.empty() && text.back() == ' ') text.pop_back();
  double value = 0;
  if (!parse_number(text, value)) return std::nullopt;
  return percent ? value / 100 : value;
}

}  // namespace foretoken
