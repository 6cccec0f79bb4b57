// The parts of a drawn chart.
#pragma once

#include <string>
#include <vector>

#include "report/chart/chart.hpp"
#include "report/chart/scale.hpp"

namespace foretoken {

struct Frame {
  double left = 0, top = 0, right = 0, bottom = 0;
};

// About what a font of this size takes.
[[nodiscard]] double text_width(std::string_view text, double size);
// Whether each category of y gets a line of text.
[[nodiscard]] bool rows_have_room(const Axis& y);

[[nodiscard]] Scale x_scale(const Chart& chart, double left, double right);

// `bottom` and `top` change places where rows run downwards.
[[nodiscard]] Scale y_scale(const Panel& panel, double bottom, double top);

struct LegendEntry {
  std::string name;
  const Series* series = nullptr;
};
// Names that need a key, as many in a row as have room.
[[nodiscard]] std::vector<std::vector<LegendEntry>> legend_rows(const Chart& chart, double width);
[[nodiscard]] std::string draw_legend(const Chart& chart, double left, double top, double width);

// Grid, ticks, series, rules; the words of the x axis below the last one.
[[nodiscard]] std::string draw_panel(const Chart& chart, std::size_t index, const Scale& x, const Frame& frame,
                                     bool last);
// Series and cells alone, inside the frame.
[[nodiscard]] std::string draw_series(const Series& series, const Scale& x, const Scale& y, const Frame& frame);
// Of a cell among the others; empty where it has no value.
[[nodiscard]] std::string color_of(const Cell& cell, const std::vector<Cell>& cells);
[[nodiscard]] std::string draw_cells(const Chart& chart, const Scale& x, const Scale& y);

}  // namespace foretoken
