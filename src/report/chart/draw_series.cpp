// Lines, dots, bars and cells.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart/draw.hpp"
#include "report/chart/palette.hpp"
#include "report/chart/svg.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

std::size_t color_of(const Series& s) {
  return s.color % kColors;
}

// A path through the points, lifted where one does not exist.
std::string path_through(const std::vector<double>& xs, const std::vector<double>& ys, const Scale& x, const Scale& y) {
  std::string d;
  bool down = false;
  for (std::size_t i = 0; i < xs.size() && i < ys.size(); ++i) {
    if (!x.has(xs[i]) || !y.has(ys[i])) {
      down = false;
      continue;
    }
    d += fmt::format("{}{:.1f} {:.1f}", down ? "L" : "M", x(xs[i]), y(ys[i]));
    down = true;
  }
  return d;
}

// Between low and high, there and back.
std::string outline(const Series& s, const Scale& x, const Scale& y) {
  std::string d;
  const auto add = [&](std::size_t i, double bound) {
    const Scale& along = s.along_x ? x : y;
    if (!along.has(s.low[i]) || !along.has(s.high[i])) return;
    d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : "L", x(s.along_x ? bound : s.x[i]),
                     y(s.along_x ? s.y[i] : bound));
  };
  for (std::size_t i = 0; i < s.low.size(); ++i) add(i, s.low[i]);
  for (std::size_t i = s.low.size(); i-- > 0;) add(i, s.high[i]);
  return d.empty() ? d : d + "Z";
}

std::string draw_line(const Series& s, const Scale& x, const Scale& y) {
  std::string out;
  const std::size_t c = color_of(s);
  if (!s.low.empty()) out += fmt::format("<path class=\"band f{}\" d=\"{}\"/>\n", c, outline(s, x, y));
  out += fmt::format("<path class=\"line s{0} {1}\" d=\"{2}\"/>\n", c, s.dashed ? "dashed" : fmt::format("d{}", c),
                     path_through(s.x, s.y, x, y));
  constexpr std::size_t kMostDots = 40;  // more of them are the line itself
  if (s.x.size() <= kMostDots && s.x.size() > 1 && !s.dashed && !s.plain) {
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      if (x.has(s.x[i]) && y.has(s.y[i]))
        out += fmt::format("<circle class=\"f{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", c, x(s.x[i]), y(s.y[i]));
    }
    out += "\n";
  }
  return out;
}

// A shape for each colour, so that dots differ without it.
std::string dot(const Series& s, double cx, double cy) {
  const std::size_t c = color_of(s);
  const std::string style = s.hollow ? fmt::format("hollow s{}", c) : fmt::format("f{}", c);
  constexpr double r = 5;
  switch (c % 4) {
    case 0:
      return fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", style, cx, cy, r);
    case 1:
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l{r} {d}h-{d}Z\"/>", style, cx, cy - r,
                         fmt::arg("r", r * 1.1), fmt::arg("d", r * 2.0));
    case 2:
      return fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"9\" height=\"9\"/>", style, cx - 4.5,
                         cy - 4.5);
    default:
      return fmt::format("<path class=\"{0}\" d=\"M{1:.1f} {2:.1f}l6 6l-6 6l-6 -6Z\"/>", style, cx, cy - 6);
  }
}

std::string interval(const Series& s, std::size_t i, const Scale& x, const Scale& y, const Frame& f) {
  if (s.low.empty() || !(s.low[i] <= s.high[i])) return {};
  if (s.along_x) {
    const double from = std::clamp(x(s.low[i]), f.left, f.right), to = std::clamp(x(s.high[i]), f.left, f.right);
    return fmt::format("<path class=\"interval s{}\" d=\"M{:.1f} {y:.1f}v-4v8v-4H{:.1f}v-4v8\"/>", color_of(s), from,
                       to, fmt::arg("y", y(s.y[i])));
  }
  const double from = std::clamp(y(s.low[i]), f.top, f.bottom), to = std::clamp(y(s.high[i]), f.top, f.bottom);
  return fmt::format("<path class=\"interval s{}\" d=\"M{x:.1f} {:.1f}h-4h8h-4V{:.1f}h-4h8\"/>", color_of(s), from, to,
                     fmt::arg("x", x(s.x[i])));
}

struct Box {
  double left, top, right, bottom;
  [[nodiscard]] bool meets(const Box& o) const {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
};

// Those that have room, to the right of their dot or else to its left.
std::string dot_labels(const Series& s, const Scale& x, const Scale& y, const Frame& f) {
  std::string out;
  std::vector<Box> taken;
  // Where the dots stand, with their intervals in rows.
  const auto end_of = [&](std::size_t i, const std::vector<double>& bounds) {
    return s.along_x && i < bounds.size() && x.has(bounds[i]) ? std::clamp(x(bounds[i]), f.left, f.right) : x(s.x[i]);
  };
  for (std::size_t i = 0; i < s.x.size(); ++i)
    if (x.has(s.x[i]) && y.has(s.y[i]))
      taken.push_back({end_of(i, s.low) - 5, y(s.y[i]) - 5, end_of(i, s.high) + 5, y(s.y[i]) + 5});
  for (std::size_t i = 0; i < s.x.size() && i < s.labels.size(); ++i) {
    if (!x.has(s.x[i]) || !y.has(s.y[i])) continue;
    const double width = text_width(s.labels[i], 12), cy = y(s.y[i]);
    for (const bool right : {true, false}) {
      const double left = right ? end_of(i, s.high) + 8 : end_of(i, s.low) - 8 - width;
      const Box box{left, cy - 8, left + width, cy + 6};
      const auto in_the_way = [&](const Box& b) { return box.meets(b); };
      if (box.left < f.left || box.right > f.right || std::any_of(taken.begin(), taken.end(), in_the_way)) continue;
      taken.push_back(box);
      out += fmt::format("<text class=\"tick halo\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", left, cy + 4,
                         escaped(s.labels[i]));
      break;
    }
  }
  return out;
}

std::string draw_dots(const Series& s, const Scale& x, const Scale& y, const Frame& f) {
  std::string out;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (!x.has(s.x[i]) || !y.has(s.y[i])) continue;
    out += interval(s, i, x, y, f) + dot(s, x(s.x[i]), y(s.y[i])) + "\n";
  }
  return s.show_labels ? out + dot_labels(s, x, y, f) : out;
}

std::string draw_columns(const Series& s, const Scale& x, const Scale& y, const Frame& f) {
  double width = 6;
  for (std::size_t i = 1; i < s.x.size(); ++i) width = std::min(width, std::abs(x(s.x[i]) - x(s.x[i - 1])));
  std::string d;
  const double foot = std::clamp(y(0), f.top, f.bottom);
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (!std::isfinite(s.y[i]) || s.y[i] == 0) continue;
    d += fmt::format("M{:.1f} {:.1f}h{w:.2f}V{:.1f}h-{w:.2f}Z", x(s.x[i]) - width / 2, foot, y(s.y[i]),
                     fmt::arg("w", std::max(1.0, width)));
  }
  return fmt::format("<path class=\"f{}\" d=\"{}\"/>\n", color_of(s), d);
}

std::string draw_rects(const Series& s, const Scale& x, const Scale& y, const Frame& f) {
  std::string out;
  const double half = y.half_band() * (y.half_band() > 5 ? 0.72 : 0.9);
  for (std::size_t i = 0; i < s.low.size(); ++i) {
    if (!(std::isfinite(s.low[i]) && std::isfinite(s.high[i]))) continue;
    const double a = std::clamp(x(s.low[i]), f.left, f.right), b = std::clamp(x(s.high[i]), f.left, f.right);
    if (a == b) continue;
    const double top = y(s.y[i]) - half;
    const std::string title =
        i < s.labels.size() ? fmt::format("<title>{}</title>", escaped(s.labels[i])) : std::string();
    out +=
        fmt::format("<rect class=\"rect f{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\">{}</rect>\n",
                    color_of(s), std::min(a, b), top, std::max(0.6, std::abs(b - a)), 2 * half, title);
  }
  return out;
}

}  // namespace

std::string draw_series(const Series& s, const Scale& x, const Scale& y, const Frame& frame) {
  switch (s.mark) {
    case Series::Mark::line:
      return draw_line(s, x, y);
    case Series::Mark::dots:
      return draw_dots(s, x, y, frame);
    case Series::Mark::columns:
      return draw_columns(s, x, y, frame);
    case Series::Mark::area:
      return fmt::format("<path class=\"area f{}\" d=\"{}\"/>\n", color_of(s), outline(s, x, y));
    case Series::Mark::rects:
      break;
  }
  return draw_rects(s, x, y, frame);
}

std::string color_of(const Cell& cell, const std::vector<Cell>& cells) {
  if (!cell.value || !std::isfinite(*cell.value)) return {};
  double least = INFINITY, most = -INFINITY;
  for (const Cell& c : cells) {
    if (!c.value || !std::isfinite(*c.value)) continue;
    least = std::min(least, *c.value);
    most = std::max(most, *c.value);
  }
  // Latencies reach over decades.
  const bool decades = least > 0 && most > 20 * least;
  const auto place = [&](double v) { return decades ? std::log(v) : v; };
  return heat_color(most > least ? (place(*cell.value) - place(least)) / (place(most) - place(least)) : 0.5);
}

std::string draw_cells(const Chart& chart, const Scale& x, const Scale& y) {
  std::string out;
  const double w = 2 * x.half_band(), h = 2 * y.half_band();
  for (const Cell& cell : chart.cells) {
    const double left = x(static_cast<double>(cell.x)) - w / 2, top = y(static_cast<double>(cell.y)) - h / 2;
    const bool known = cell.value && std::isfinite(*cell.value);
    const std::string color = color_of(cell, chart.cells);
    const std::string place =
        fmt::format("x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"", left, top, w, h);
    out += fmt::format("<g><title>{}, {}: {}{}</title><rect class=\"rect{}\" {}{}/>",
                       escaped(chart.x.categories[cell.x]), escaped(chart.panels[0].y.categories[cell.y]),
                       known ? readable(*cell.value) : "no figure", cell.note.empty() ? "" : "; " + escaped(cell.note),
                       known ? "" : " unknown", place, known ? fmt::format(" fill=\"{}\"", color) : "");
    if (cell.refused) out += fmt::format("<rect {} fill=\"url(#hatch-{})\"/>", place, chart.name);
    const std::string text = known ? tick_label(std::stod(fmt::format("{:.3g}", *cell.value))) : "";
    // On a ground of its own, so that hatching does not cross it.
    const double room = text_width(text, 12);
    if (known && room < w - 4)
      out += fmt::format(
          "<rect x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"{2:.1f}\" height=\"16\" fill=\"{3}\"/><text class=\"{4}\" "
          "text-anchor=\"middle\" font-size=\"12\" x=\"{5:.1f}\" y=\"{6:.1f}\">{7}</text>",
          left + (w - room) / 2 - 2, top + h / 2 - 8, room + 4, color, ink_on(color), left + w / 2, top + h / 2 + 4,
          text);
    out += "</g>\n";
  }
  return out;
}

}  // namespace foretoken
