// The style sheet of charts.
#include "report/chart/palette.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace foretoken {
namespace {

using Rgb = std::array<int, 3>;

Rgb rgb_of(std::string_view color) {
  Rgb rgb{};
  for (std::size_t i = 0; i < 3; ++i) std::from_chars(color.data() + 1 + 2 * i, color.data() + 3 + 2 * i, rgb[i], 16);
  return rgb;
}

std::string rules_with(std::string_view ground, std::string_view ink, std::string_view soft, std::string_view grid,
                       const std::array<std::string, kColors>& colors) {
  constexpr const char* kDashes[kColors] = {"none", "8 3", "3 3", "9 3 2 3", "12 4", "5 2 1 2", "2 2", "none"};
  std::string css = fmt::format(
      ".chart{{font-family:system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:13px}}\n"
      ".chart text{{fill:{1}}}.chart .title{{font-size:17px;font-weight:600}}.chart .tick{{font-size:12px;fill:{2}}}\n"
      ".chart .ground{{fill:{0}}}.chart .grid{{stroke:{3}}}.chart .axis{{stroke:{2};fill:none}}\n"
      ".chart .rule{{stroke:{1};stroke-width:1.5;stroke-dasharray:6 4;fill:none}}\n"
      ".chart .halo{{paint-order:stroke;stroke:{0};stroke-width:4px;stroke-linejoin:round}}\n"
      ".chart .line{{fill:none;stroke-width:2;stroke-linejoin:round}}.chart .band{{fill-opacity:.18;stroke:none}}\n"
      ".chart .area{{fill-opacity:.75;stroke:none}}.chart .interval{{fill:none;stroke-width:1.5}}\n"
      ".chart .hollow{{fill:{0};stroke-width:2}}.chart .rect{{stroke:{0};stroke-width:.5}}\n"
      ".chart .hatch{{stroke:{2};stroke-width:1.5}}.chart .unknown{{fill:{3}}}.chart .light{{fill:#fff}}"
      ".chart .dark{{fill:#111}}\n",
      ground, ink, soft, grid);
  for (std::size_t i = 0; i < kColors; ++i)
    css += fmt::format(".chart .s{0}{{stroke:{1}}}.chart .f{0}{{fill:{1}}}.chart .d{0}{{stroke-dasharray:{2}}}\n", i,
                       colors[i], kDashes[i]);
  return css + ".chart .dashed{stroke-dasharray:5 4}\n";
}

}  // namespace

std::string chart_rules(const Palette& palette) {
  std::array<std::string, kColors> colors;
  std::copy(palette.colors.begin(), palette.colors.end(), colors.begin());
  return rules_with(palette.ground, palette.ink, palette.soft, palette.grid, colors);
}

std::string chart_rules() {
  std::array<std::string, kColors> colors;
  for (std::size_t i = 0; i < kColors; ++i) colors[i] = fmt::format("var(--c{})", i);
  return rules_with("var(--ground)", "var(--ink)", "var(--soft)", "var(--grid)", colors);
}

std::string variables(const Palette& palette) {
  std::string css =
      fmt::format("--ground:{};--ink:{};--soft:{};--grid:{}", palette.ground, palette.ink, palette.soft, palette.grid);
  for (std::size_t i = 0; i < kColors; ++i) css += fmt::format(";--c{}:{}", i, palette.colors[i]);
  return css;
}

std::string heat_color(double share) {
  static constexpr std::string_view kViridis[] = {"#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c",
                                                  "#28ae80", "#5ec962", "#addc30", "#fde725"};
  constexpr int kLast = 8;
  const double place = std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0) * kLast;
  const int below = std::min(kLast - 1, static_cast<int>(place));
  const Rgb a = rgb_of(kViridis[below]);
  const Rgb b = rgb_of(kViridis[below + 1]);
  const auto mix = [&](std::size_t i) { return static_cast<int>(std::lround(a[i] + (b[i] - a[i]) * (place - below))); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2));
}

std::string_view ink_on(std::string_view color) {
  const Rgb rgb = rgb_of(color);
  // Relative luminance of WCAG, without its gamma: enough to choose one of two.
  return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2] > 120 ? "dark" : "light";
}

}  // namespace foretoken
