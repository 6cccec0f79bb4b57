// Charts as SVG, drawn here: a program that only simulates needs no browser and no interpreter.
#pragma once

#include <string>

#include "foretoken/report/picture.hpp"
#include "report/chart/chart.hpp"

namespace foretoken {

// A file of its own: with title, ground and style.
[[nodiscard]] std::string to_svg(const Chart& chart, PictureTheme theme);
// The same for a page, which has the title above it and the style in its head.
[[nodiscard]] std::string to_inline_svg(const Chart& chart);

// Text between tags and in attributes; what XML cannot hold becomes U+FFFD.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace foretoken
