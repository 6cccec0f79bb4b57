// Linear scales end at round numbers, logarithmic ones at decades or parts of one.
#include "report/chart/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/common.hpp"

namespace foretoken {
namespace {

// 1, 2 or 5 times a power of ten, so that about `count` steps fill `range`.
double round_step(double range, int count) {
  const double rough = range / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

}  // namespace

std::string tick_label(double value) {
  const double size = std::abs(value);
  for (const auto& [unit, letter] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}}) {
    if (size >= unit) return fmt::format("{:.4g}{}", value / unit, letter);
  }
  if (size >= 1000) return readable(static_cast<std::int64_t>(std::llround(value)));
  return fmt::format("{:.4g}", size < 1e-12 ? 0.0 : value);
}

Scale::Scale(const Axis& axis, const std::vector<double>& values, bool from_zero, double from, double to)
    : from_(from), to_(to) {
  if (axis.scale == Axis::Scale::category) {
    const auto count = static_cast<double>(std::max<std::size_t>(1, axis.categories.size()));
    least_ = -0.5;
    most_ = count - 0.5;
    half_band_ = std::abs(to - from) / count / 2;
    for (std::size_t i = 0; i < axis.categories.size(); ++i)
      ticks_.push_back({static_cast<double>(i), axis.categories[i]});
    return;
  }
  log_ = axis.scale == Axis::Scale::log;
  double least = INFINITY, most = -INFINITY;
  for (const double v : values) {
    if (!std::isfinite(v) || (log_ && v <= 0)) continue;
    least = std::min(least, v);
    most = std::max(most, v);
  }
  if (axis.min) least = std::min(*axis.min, most);
  if (axis.max) most = std::max(*axis.max, least);
  if (!(least <= most)) least = log_ ? 1 : 0, most = log_ ? 10 : 1;
  if (from_zero && !log_) least = std::min(least, 0.0), most = std::max(most, 0.0);
  if (log_)
    set_log(axis, least, most);
  else
    set_linear(axis, least, most);
}

void Scale::set_linear(const Axis& axis, double least, double most) {
  constexpr int kSteps = 6;
  if (least == most) {
    // A flat line in the middle of something.
    const double room = least == 0 ? 1 : std::abs(least) * 0.1;
    least -= room;
    most += room;
  }
  const double step = round_step(most - least, kSteps);
  least_ = axis.min ? least : std::floor(least / step + 1e-9) * step;
  most_ = axis.max ? most : std::ceil(most / step - 1e-9) * step;
  for (double i = std::ceil(least_ / step - 1e-9); i * step <= most_ + step * 1e-6; ++i)
    ticks_.push_back({i * step, tick_label(i * step)});
}

void Scale::set_log(const Axis& axis, double least, double most) {
  if (least == most) {
    least /= 2;
    most *= 2;
  }
  // Ends at 1, 2 or 5 of a decade.
  const auto down = [](double v) {
    const double power = std::pow(10, std::floor(std::log10(v) + 1e-9));
    return power * (v / power >= 5 - 1e-6 ? 5 : v / power >= 2 - 1e-6 ? 2 : 1);
  };
  const auto up = [](double v) {
    const double power = std::pow(10, std::floor(std::log10(v) + 1e-9));
    const double digit = v / power;
    return power * (digit <= 1 + 1e-6 ? 1 : digit <= 2 + 1e-6 ? 2 : digit <= 5 + 1e-6 ? 5 : 10);
  };
  if (!axis.min) least = down(least);
  if (!axis.max) most = up(most);
  least_ = std::log10(least);
  most_ = std::log10(most);
  const double decades = most_ - least_;
  const int every = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  for (int power = static_cast<int>(std::floor(least_)); power <= static_cast<int>(std::ceil(most_)); ++power) {
    for (const int digit : {1, 2, 5}) {
      const double at = digit * std::pow(10, power);
      if (std::log10(at) < least_ - 1e-9 || std::log10(at) > most_ + 1e-9) continue;
      const bool worded = digit == 1 ? power % every == 0 : decades <= 2.5;
      if (worded || decades <= 4) ticks_.push_back({at, worded ? tick_label(at) : ""});
    }
  }
}

double Scale::operator()(double value) const {
  const double place = log_ ? std::log10(std::max(value, 1e-300)) : value;
  return from_ + (place - least_) / (most_ - least_) * (to_ - from_);
}

bool Scale::has(double value) const {
  return std::isfinite(value) && (!log_ || value > 0);
}

double Scale::least() const {
  return log_ ? std::pow(10, least_) : least_;
}

double Scale::most() const {
  return log_ ? std::pow(10, most_) : most_;
}

bool Scale::shows(double value) const {
  const double place = log_ ? std::log10(std::max(value, 1e-300)) : value;
  const double slack = (most_ - least_) * 1e-9;
  return place >= least_ - slack && place <= most_ + slack;
}

}  // namespace foretoken
