// From values to places on a picture, and where the ticks stand.
#pragma once

#include <string>
#include <vector>

#include "report/chart/chart.hpp"

namespace foretoken {

struct Tick {
  double at = 0;
  std::string label;  // empty: a line without words
};

class Scale {
 public:
  // `from` and `to`: places of the axis' two ends, of y the lower one first. `values`: all that has to be seen;
  // `from_zero`: with the foot of columns and rects.
  Scale(const Axis& axis, const std::vector<double>& values, bool from_zero, double from, double to);
  [[nodiscard]] double operator()(double value) const;
  // Half the room of a category, 0 of numbers.
  [[nodiscard]] double half_band() const { return half_band_; }
  [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }
  // Whether it has a place: finite, and positive where it needs a logarithm.
  [[nodiscard]] bool has(double value) const;
  [[nodiscard]] double least() const;
  [[nodiscard]] double most() const;
  [[nodiscard]] bool shows(double value) const;

 private:
  void set_linear(const Axis& axis, double least, double most);
  void set_log(const Axis& axis, double least, double most);
  bool log_ = false;
  double least_ = 0, most_ = 1;  // of log scales their logarithms
  double from_ = 0, to_ = 1;
  double half_band_ = 0;
  std::vector<Tick> ticks_;
};

// 1,500 · 0.25 · 3M: short enough for an axis.
[[nodiscard]] std::string tick_label(double value);

}  // namespace foretoken
