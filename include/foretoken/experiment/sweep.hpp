// A what-if table: the scenario at every point of the cross product of its sweep axes.
//
// Example:
//   Question asked{yaml, "chat.yaml"};
//   asked.options.over = {"engine.max_num_seqs=16,32..128"};
//   const Result<SweepResult> sweep = run_sweep({asked, *asked.scenario()});
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/question.hpp"

namespace foretoken {

struct SweepQuestion {
  Question asked;
  Scenario base;  // what it resolves to; its `sweep` is not empty
};

enum class PointStatus { ok, does_not_fit, invalid, skipped };
[[nodiscard]] std::string_view to_string(PointStatus status);

// What a sweep keeps of the run of one point.
struct PointFigures {
  std::string scenario_sha256;
  Summary summary;
  Summary half_widths;
  std::vector<SloVerdict> slo;
  Bottleneck prefill;
  Bottleneck decode;
};

struct SweepPoint {
  std::vector<std::string> values;  // one per axis
  PointStatus status = PointStatus::skipped;
  std::string reason;    // when not ok
  PointFigures figures;  // when ok
};

// Where the line between meeting and missing the objectives runs, for one
// combination of the axes other than the last.
struct SweepFrontier {
  std::vector<std::string> values;  // of the axes before the last
  std::string largest;              // value of the last axis; empty = no point meets them
};

struct SweepResult {
  Scenario base;
  std::vector<SweepAxis> axes;
  std::vector<SweepPoint> points;        // last axis fastest
  std::vector<SweepFrontier> frontiers;  // empty without objectives or when the last axis is not numeric
  bool interrupted = false;
};

// Points that are known already, by index; what to do with a new one.
using PointSink = std::function<void(std::size_t index, SweepPoint point)>;

struct SweepOptions {
  RunOptions run;
  std::map<std::size_t, SweepPoint> known;  // not run again
  // Of `count` equal parts only this one: the points whose index modulo `count` is `index`.
  std::size_t part_index = 0;
  std::size_t part_count = 1;
  // Called once for every point newly finished, from any thread, one call at a time.
  std::function<void(std::size_t index, const SweepPoint& point)> on_point;
  // Sees the whole result of every point that is run here, before its figures are taken. Contract: may be called from
  // several threads at once.
  std::function<void(std::size_t index, const Scenario& scenario, const RunResult& result)> on_result = {};
  // Who runs the points, instead of the threads of this process. Contract: calls the sink once for
  // each of `wanted`, one call at a time; leaves out what was interrupted.
  std::function<void(const std::vector<std::size_t>& wanted, const PointSink& sink)> run_points;
};

// Precondition: the question's base has axes. Errors: no point is a valid scenario. Points of
// other parts, and those that an interrupt left, are `skipped`.
[[nodiscard]] Result<SweepResult> run_sweep(const SweepQuestion& question, const SweepOptions& options = {});

// One point alone, on this thread. The result does not depend on what ran before.
[[nodiscard]] SweepPoint run_point(
    const SweepQuestion& question, std::size_t index, const RunOptions& options,
    const std::function<void(std::size_t index, const Scenario& scenario, const RunResult& result)>& on_result = {});
// Whether the point is a scenario, and fits, without simulating: `skipped` when it could run.
[[nodiscard]] SweepPoint check_point(const SweepQuestion& question, std::size_t index);

[[nodiscard]] std::size_t point_count(const std::vector<SweepAxis>& axes);
[[nodiscard]] std::vector<std::string> point_values(const std::vector<SweepAxis>& axes, std::size_t index);
// Of a scenario with objectives; empty when the last axis is not numeric.
[[nodiscard]] std::vector<SweepFrontier> find_frontiers(const std::vector<SweepAxis>& axes,
                                                        const std::vector<SweepPoint>& points);
// Says so when no point is a valid scenario.
[[nodiscard]] Diagnostics all_invalid(const std::vector<SweepPoint>& points, const std::string& origin);

}  // namespace foretoken
