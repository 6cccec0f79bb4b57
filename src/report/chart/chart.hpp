// A chart before it is drawn: what SVG, the page and the table behind it have in common. All figures come from a result
// document; whoever draws adds none.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"

namespace foretoken {

struct Axis {
  enum class Scale { linear, log, category };
  std::string label;  // TTFT (ms)
  Scale scale = Scale::linear;
  std::vector<std::string> categories;  // value i stands at i; a category axis of y runs from top to bottom
  std::optional<double> min, max;       // otherwise what the series need
  bool operator==(const Axis&) const = default;
};

// Points with NaN or infinite coordinates are gaps.
struct Series {
  enum class Mark {
    line,     // through the points; where low and high are given, with a band
    dots,     // a dot each; where low and high are given, with an interval
    columns,  // upright from 0 to y
    area,     // between low and high
    rects,    // from low to high along x, in row y
  };
  std::string name;
  Mark mark = Mark::line;
  std::size_t color = 0;  // of the palette, modulo its size
  std::vector<double> x, y;
  std::vector<double> low, high;    // along x where `along_x`, otherwise along y
  std::vector<std::string> labels;  // of the points; empty = none
  bool along_x = false;
  bool hollow = false;  // dots that miss an objective
  bool dashed = false;
  bool plain = false;        // a line without a dot at each point: a bound, no figure
  bool show_labels = false;  // beside the dots, where there is room
};

// A line right across: an objective, a capacity, the present load.
struct Rule {
  bool vertical = false;
  double at = 0;
  std::string label;
};

struct Panel {
  Axis y;
  std::vector<Series> series;
  std::vector<Rule> rules;
};

// A cell of a heat map, whose axes are both categories.
struct Cell {
  std::size_t x = 0;
  std::size_t y = 0;
  std::optional<double> value;
  std::string note;      // does not fit: the reason; misses an objective: which
  bool refused = false;  // hatched: it has no value, or misses
};

struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

struct Chart {
  std::string name;     // of --plot NAME=FILE and of the page's anchor: timeline
  std::string title;    // Load curve
  std::string caption;  // what there is to see, in a sentence or two; read out in place of the picture
  Axis x;               // of all panels
  std::vector<Panel> panels;
  std::vector<Cell> cells;  // instead of series
  std::string cell_label;   // p99_ttft_ms
  bool zoom = false;        // worth looking into: a long series
  Table table;
};

// What draws the charts in a browser reads.
[[nodiscard]] Json to_json(const Chart& chart);

// The pictures of a document of any schema, the most important first; empty where it has none.
[[nodiscard]] std::vector<Chart> charts_of(const Json& document);

}  // namespace foretoken
