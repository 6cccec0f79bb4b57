// Every point of a what-if is the base scenario read anew with its values set, so
// that everything derived from them follows.
#include "foretoken/study/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "foretoken/base/csv.hpp"
#include "study/parallel.hpp"

namespace foretoken {
namespace {

std::vector<SweepPoint> cross_product(const std::vector<SweepAxis>& axes) {
  std::vector<SweepPoint> points(1);
  for (const SweepAxis& axis : axes) {
    std::vector<SweepPoint> next;
    next.reserve(points.size() * axis.values.size());
    for (const SweepPoint& point : points) {
      for (const std::string& value : axis.values) {
        next.push_back(point);
        next.back().values.push_back(value);
      }
    }
    points = std::move(next);
  }
  return points;
}

void run_point(SweepPoint& point, const ScenarioText& source, const LoadOptions& load,
               const std::vector<SweepAxis>& axes, const RunOptions& options) {
  if (options.stop != nullptr && options.stop->load()) return;
  LoadOptions at_point = load;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    at_point.overrides.push_back(fmt::format("{}={}", axes[i].path, point.values[i]));
  }
  const auto refuse = [&](const Diagnostics& diagnostics) {
    point.status = PointStatus::invalid;
    point.reason = format(diagnostics);
  };
  const Result<Scenario> scenario = parse_scenario(source.text, source.origin, at_point);
  if (!scenario) return refuse(scenario.error());
  RunOptions alone = options;
  alone.threads = 1;
  alone.progress = nullptr;
  Result<RunResult> result = run_scenario(*scenario, alone);
  if (!result) return refuse(result.error());
  if (result->interrupted) return;
  point.result = std::move(*result);
  point.result.replications.clear();
  point.status = point.result.feasible ? PointStatus::ok : PointStatus::does_not_fit;
  if (!point.result.feasible) point.reason = point.result.memory.verdict;
}

bool meets_all(const SweepPoint& point) {
  return point.status == PointStatus::ok &&
         std::all_of(point.result.slo.begin(), point.result.slo.end(), [](const SloVerdict& v) { return v.ok; });
}

std::vector<SweepFrontier> find_frontiers(const SweepResult& sweep) {
  std::vector<SweepFrontier> frontiers;
  if (sweep.base.slo.empty()) return frontiers;
  double number = 0;
  for (const std::string& value : sweep.axes.back().values) {
    if (!parse_number(value, number)) return frontiers;
  }
  const std::size_t run = sweep.axes.back().values.size();
  for (std::size_t first = 0; first < sweep.points.size(); first += run) {
    SweepFrontier frontier;
    frontier.values.assign(sweep.points[first].values.begin(), sweep.points[first].values.end() - 1);
    double largest = 0;
    for (std::size_t i = first; i < first + run; ++i) {
      const std::string& value = sweep.points[i].values.back();
      if (!meets_all(sweep.points[i]) || !parse_number(value, number)) continue;
      if (!frontier.largest.empty() && number <= largest) continue;
      frontier.largest = value;
      largest = number;
    }
    frontiers.push_back(std::move(frontier));
  }
  return frontiers;
}

}  // namespace

std::string_view to_string(PointStatus status) {
  switch (status) {
    case PointStatus::ok:
      return "ok";
    case PointStatus::does_not_fit:
      return "does not fit";
    case PointStatus::invalid:
      return "invalid";
    case PointStatus::skipped:
      return "skipped";
  }
  return "unknown";
}

Result<SweepResult> run_sweep(const ScenarioText& source, const LoadOptions& load, const Scenario& base,
                              const RunOptions& options) {
  SweepResult sweep;
  sweep.base = base;
  sweep.axes = base.sweep;
  sweep.points = cross_product(sweep.axes);
  std::atomic<std::int64_t> done{0};
  std::mutex mutex;
  parallel_for(sweep.points.size(), options.threads, [&](std::size_t i) {
    run_point(sweep.points[i], source, load, sweep.axes, options);
    if (!options.progress) return;
    const std::lock_guard lock(mutex);
    options.progress({++done, static_cast<std::int64_t>(sweep.points.size())});
  });
  const auto is = [](PointStatus status) { return [status](const SweepPoint& p) { return p.status == status; }; };
  sweep.interrupted = std::any_of(sweep.points.begin(), sweep.points.end(), is(PointStatus::skipped));
  if (!sweep.points.empty() && std::all_of(sweep.points.begin(), sweep.points.end(), is(PointStatus::invalid))) {
    Diagnostics problems;
    problems.error({source.origin, 0, 0},
                   "no point of the sweep is a valid scenario; the first says:\n" + sweep.points[0].reason);
    return problems;
  }
  sweep.frontiers = find_frontiers(sweep);
  return sweep;
}

}  // namespace foretoken
