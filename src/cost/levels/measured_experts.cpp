// The table of measured_experts.inc, searched once for each deployment.
#include "cost/levels/measured_experts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string>

namespace foretoken {
namespace {

struct TimedSet {
  std::string_view set;     // GPU, engine, version, format
  std::string_view shapes;  // a line each
};
constexpr TimedSet kTimedSets[] = {
#include "cost/levels/measured_experts.inc"
};

double leading_number(std::string_view& text) {
  int value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(end - text.data()) + 1));
  return failed == std::errc{} ? value : 0;
}

std::vector<MeasuredPoint> timed_points(std::string_view times) {
  std::vector<MeasuredPoint> points;
  while (!times.empty()) {
    const double tokens = leading_number(times);
    points.push_back({tokens, leading_number(times) / 100});
  }
  return points;
}

// What stands behind `shape` on its line.
std::string_view line_of(std::string_view shapes, const std::string& shape) {
  const std::size_t at = shapes.find("\n" + shape + " ");
  if (at == std::string_view::npos) return {};
  shapes.remove_prefix(at + shape.size() + 2);
  return shapes.substr(0, shapes.find('\n'));
}

}  // namespace

std::vector<MeasuredPoint> measured_experts(std::string_view set, const Deployment& d, bool even) {
  const auto* timed =
      std::find_if(std::begin(kTimedSets), std::end(kTimedSets), [&](const TimedSet& t) { return t.set == set; });
  if (timed == std::end(kTimedSets)) return {};
  const MoeSpec& moe = d.model.moe;
  const int ranks = d.parallelism.tensor * d.parallelism.data;
  const bool spread = d.parallelism.expert_parallel;
  const int hidden = moe.latent_width > 0 ? moe.latent_width : d.model.hidden_size;
  const int width = spread ? moe.expert_width : (moe.expert_width + ranks - 1) / ranks;
  const std::string shape =
      fmt::format("{}/{} {}x{} {}", moe.experts, moe.active_experts, hidden, width, spread ? ranks : 1);
  const std::string_view own = line_of(timed->shapes, shape + (even ? "e" : "p"));
  return timed_points(own.empty() ? line_of(timed->shapes, shape + (even ? "p" : "e")) : own);
}

}  // namespace foretoken
