// A grid of characters, its range that of the points.
#include "report/scatter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/common.hpp"
#include "report/markdown.hpp"

namespace foretoken {
namespace {

constexpr int kMostCellsWide = 64, kLeastCellsWide = 16;
constexpr int kCellsHigh = 14;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  void add(double v) { low = std::min(low, v), high = std::max(high, v); }
  [[nodiscard]] int cell(double v, int cells) const {
    if (!(high > low)) return 0;
    return std::clamp(static_cast<int>(std::lround(std::log(v / low) / std::log(high / low) * (cells - 1))), 0,
                      cells - 1);
  }
};

bool can_be_drawn(const ScatterPoint& p) {
  return std::isfinite(p.x) && std::isfinite(p.y) && p.x > 0 && p.y > 0;
}

}  // namespace

std::string scatter(const std::vector<ScatterPoint>& points, std::string_view x_title, std::string_view y_title,
                    std::string_view indent, const TextStyle& style) {
  Range x, y;
  for (const ScatterPoint& p : points) {
    if (can_be_drawn(p)) x.add(p.x), y.add(p.y);
  }
  if (!(x.high > x.low || y.high > y.low)) return {};
  const std::string top = readable(y.high), bottom = readable(y.low);
  const std::size_t width = std::max(top.size(), bottom.size());
  const int cells_wide =
      std::clamp(style.width - static_cast<int>(indent.size() + width + 2), kLeastCellsWide, kMostCellsWide);
  std::vector<std::vector<std::string>> grid(kCellsHigh,
                                             std::vector<std::string>(static_cast<std::size_t>(cells_wide), " "));
  for (const ScatterPoint& p : points) {
    if (!can_be_drawn(p)) continue;
    grid[static_cast<std::size_t>(kCellsHigh - 1 - y.cell(p.y, kCellsHigh))]
        [static_cast<std::size_t>(x.cell(p.x, cells_wide))] = p.mark;
  }
  std::string out = fmt::format("{}{}\n", indent, y_title);
  for (std::size_t row = 0; row < grid.size(); ++row) {
    const std::string& label = row == 0 ? top : row + 1 == grid.size() ? bottom : std::string();
    std::string line;
    for (const std::string& cell : grid[row]) line += cell;
    line.erase(line.find_last_not_of(' ') + 1);
    out += fmt::format("{}{:>{}} │{}\n", indent, label, width, line);
  }
  std::string axis;
  for (int i = 0; i < cells_wide; ++i) axis += "─";
  const std::string left = readable(x.low), right = readable(x.high);
  const int room = cells_wide - static_cast<int>(left.size() + right.size());
  const std::string between = room > static_cast<int>(display_width(x_title)) + 2
                                  ? fmt::format("{:^{}}", x_title, room)
                                  : std::string(static_cast<std::size_t>(std::max(1, room)), ' ');
  out +=
      fmt::format("{}{:>{}} └{}\n{}{:>{}}  {}{}{}\n", indent, "", width, axis, indent, "", width, left, between, right);
  return style.markdown ? markdown_block(out) : out;
}

}  // namespace foretoken
