// Every point of a what-if is the base scenario read anew with its values set, so
// that everything derived from them follows.
#include "foretoken/experiment/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/csv.hpp"
#include "experiment/cost_models.hpp"
#include "experiment/explain/what_fits.hpp"
#include "experiment/parallel.hpp"
#include "experiment/sweep/point_figures.hpp"

namespace foretoken {
namespace {

SweepPoint refused(SweepPoint point, const Diagnostics& diagnostics) {
  point.status = PointStatus::invalid;
  point.reason = format(diagnostics);
  return point;
}

SweepPoint without_room(SweepPoint point, const MemoryPlan& memory) {
  point.status = PointStatus::does_not_fit;
  point.reason = memory.verdict;
  return point;
}

Result<Scenario> scenario_at(const SweepQuestion& question, const std::vector<std::string>& values) {
  std::vector<std::string> set;
  for (std::size_t i = 0; i < values.size(); ++i)
    set.push_back(fmt::format("{}={}", question.base.sweep[i].path, values[i]));
  return question.asked.without_sweep().with(set).scenario();  // a point is a scenario like any other
}

void run_on_threads(const SweepQuestion& question, const SweepOptions& options, const std::vector<std::size_t>& wanted,
                    const PointSink& sink) {
  CostModelPool models;
  RunOptions alone = options.run;
  alone.threads = 1;
  alone.progress = nullptr;
  alone.cost_models = &models;
  std::mutex mutex;
  parallel_for(wanted.size(), options.run.threads, [&](std::size_t i) {
    SweepPoint point = run_point(question, wanted[i], alone, options.on_result);
    if (point.status == PointStatus::skipped) return;
    const std::lock_guard lock(mutex);
    sink(wanted[i], std::move(point));
  });
}

bool meets_all(const SweepPoint& point) {
  return point.status == PointStatus::ok &&
         std::all_of(point.figures.slo.begin(), point.figures.slo.end(), [](const SloVerdict& v) { return v.ok; });
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

std::size_t point_count(const std::vector<SweepAxis>& axes) {
  std::size_t count = 1;
  for (const SweepAxis& axis : axes) count *= axis.values.size();
  return count;
}

std::vector<std::string> point_values(const std::vector<SweepAxis>& axes, std::size_t index) {
  std::vector<std::string> values(axes.size());
  for (std::size_t i = axes.size(); i-- > 0;) {
    values[i] = axes[i].values[index % axes[i].values.size()];
    index /= axes[i].values.size();
  }
  return values;
}

SweepPoint run_point(
    const SweepQuestion& question, std::size_t index, const RunOptions& options,
    const std::function<void(std::size_t index, const Scenario& scenario, const RunResult& result)>& on_result) {
  SweepPoint point;
  point.values = point_values(question.base.sweep, index);
  const auto stopped = [&] { return options.stop != nullptr && options.stop->load(); };
  if (stopped()) return point;
  const Result<Scenario> scenario = scenario_at(question, point.values);
  if (!scenario) return refused(std::move(point), scenario.error());
  Result<RunResult> result = run_scenario(*scenario, options);
  if (!result) return refused(std::move(point), result.error());
  if (result->interrupted) return point;
  if (on_result) on_result(index, *scenario, *result);
  return point_of(*scenario, std::move(*result), std::move(point.values));
}

SweepPoint check_point(const SweepQuestion& question, std::size_t index) {
  SweepPoint point;
  point.values = point_values(question.base.sweep, index);
  const Result<Scenario> scenario = scenario_at(question, point.values);
  if (!scenario) return refused(std::move(point), scenario.error());
  const Fit fit = fit_of(*scenario);
  return fit.feasible ? point : without_room(std::move(point), fit.memory);
}

std::vector<SweepFrontier> find_frontiers(const std::vector<SweepAxis>& axes, const std::vector<SweepPoint>& points) {
  std::vector<SweepFrontier> frontiers;
  double number = 0;
  for (const std::string& value : axes.back().values) {
    if (!parse_number(value, number)) return frontiers;
  }
  const std::size_t run = axes.back().values.size();
  for (std::size_t first = 0; first < points.size(); first += run) {
    SweepFrontier frontier;
    frontier.values.assign(points[first].values.begin(), points[first].values.end() - 1);
    double largest = 0;
    for (std::size_t i = first; i < first + run; ++i) {
      const std::string& value = points[i].values.back();
      if (!meets_all(points[i]) || !parse_number(value, number)) continue;
      if (!frontier.largest.empty() && number <= largest) continue;
      frontier.largest = value;
      largest = number;
    }
    frontiers.push_back(std::move(frontier));
  }
  return frontiers;
}

Diagnostics all_invalid(const std::vector<SweepPoint>& points, const std::string& origin) {
  Diagnostics problems;
  const auto is_invalid = [](const SweepPoint& p) { return p.status == PointStatus::invalid; };
  if (!points.empty() && std::all_of(points.begin(), points.end(), is_invalid)) {
    problems.error({origin, 0, 0},
                   "no point of the sweep is a valid scenario; the first says:\n" + points.front().reason);
  }
  return problems;
}

Result<SweepResult> run_sweep(const SweepQuestion& question, const SweepOptions& options) {
  SweepResult sweep;
  sweep.base = question.base;
  sweep.axes = question.base.sweep;
  sweep.points.resize(point_count(sweep.axes));
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    sweep.points[i].values = point_values(sweep.axes, i);
    if (i % options.part_count != options.part_index) continue;
    if (const auto known = options.known.find(i); known != options.known.end())
      sweep.points[i] = known->second;
    else
      wanted.push_back(i);
  }
  std::size_t done = 0;
  const PointSink sink = [&](std::size_t index, SweepPoint point) {
    sweep.points[index] = std::move(point);
    ++done;
    if (options.on_point) options.on_point(index, sweep.points[index]);
    if (!options.run.progress) return;
    options.run.progress({static_cast<std::int64_t>(done), static_cast<std::int64_t>(wanted.size())});
  };
  if (options.run_points)
    options.run_points(wanted, sink);
  else
    run_on_threads(question, options, wanted, sink);
  sweep.interrupted = done < wanted.size();
  if (Diagnostics problems = all_invalid(sweep.points, question.asked.origin); problems.has_errors()) return problems;
  if (!sweep.base.slo.empty()) sweep.frontiers = find_frontiers(sweep.axes, sweep.points);
  return sweep;
}

}  // namespace foretoken
