// Colours of charts: told apart by readers with any kind of colour vision, and by dashes and shapes as well.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace foretoken {

// After Okabe and Ito (https://jfly.uni-koeln.de/color/), the yellow left out: it does not show on white. Darker on a
// light ground and lighter on a dark one, each with a contrast of 3 : 1 or more to it.
inline constexpr std::size_t kColors = 8;
struct Palette {
  std::string_view ground, ink, soft, grid;
  std::array<std::string_view, kColors> colors;
};
inline constexpr Palette kLight{
    "#ffffff",
    "#1a1d21",
    "#545b64",
    "#e3e6ea",
    {"#0072b2", "#d55e00", "#008060", "#b0508c", "#a87400", "#3d8fc4", "#5b4ea0", "#6b7178"}};
inline constexpr Palette kDark{
    "#14171b",
    "#e8eaed",
    "#a6adb5",
    "#343a41",
    {"#56b4e9", "#ff8a3d", "#2fc79a", "#e39bc5", "#e6b422", "#9ad0f5", "#b3a5f0", "#a9b0b8"}};

// Viridis in nine steps: its lightness rises evenly. `share` in [0, 1].
[[nodiscard]] std::string heat_color(double share);
// Black or white, whichever is read on it.
[[nodiscard]] std::string_view ink_on(std::string_view color);

// Rules for the classes of a drawn chart, with the colours of one palette.
[[nodiscard]] std::string chart_rules(const Palette& palette);
// The same with CSS variables, for a page that defines them: `variables` of one palette.
[[nodiscard]] std::string chart_rules();
[[nodiscard]] std::string variables(const Palette& palette);

}  // namespace foretoken
