// Serving runs against their measurements: one simulation per row.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "base/random.hpp"
#include "experiment/explain/what_fits.hpp"
#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "measurement/accuracy/point_scenario.hpp"
#include "measurement/accuracy/recipes.hpp"
#include "metrics/collector.hpp"

namespace foretoken {
namespace {

// Cost models of a few deployments: their memory of step times serves all rows of a system.
class CostModels {
 public:
  const CostModel& of(const Deployment& deployment) {
    for (const auto& [known, model] : models_) {
      if (known == deployment) return *model;
    }
    models_.emplace_back(deployment, make_cost_model(deployment));
    return *models_.back().second;
  }

 private:
  std::vector<std::pair<Deployment, std::unique_ptr<CostModel>>> models_;
};

std::string first_reason(const Diagnostics& problems) {
  for (const Diagnostic& d : problems.items()) {
    if (d.severity == Severity::error) return d.message;
  }
  return "the scenario is not valid";
}

std::optional<double> figure(const MeasureView& view, std::string_view key) {
  const double value = metric_value(view, key, Population::completed).value_or(0);
  return value > 0 ? std::optional<double>(value) : std::nullopt;  // NaN as well: no such figure
}

ServingFigures figures_of(const MeasureView& view, bool whole_batch) {
  // Of a batch the sources time the whole: its last first token, its last token.
  const std::string which = whole_batch ? "max" : "mean";
  ServingFigures f;
  f[0] = figure(view, which + "_ttft_ms");
  f[1] = figure(view, "mean_tpot_ms");
  f[2] = figure(view, "mean_itl_ms");
  f[3] = figure(view, which + "_e2el_ms");
  f[4] = figure(view, "output_throughput");
  return f;
}

// Empty reason: predicted.
std::string simulate_point(const Scenario& scenario, bool whole_batch, CostModels& costs, ServingFigures& predicted) {
  auto source = make_request_source(scenario.workload, replication_seed(scenario.seed, 0));
  if (!source) return first_reason(source.error());
  MetricsCollector collector(collector_config(scenario.workload, 0, scenario.workload.num_prompts));
  const auto run = [&] {
    if (scenario.pools.empty()) {
      SimulationConfig config;
      config.engine = scenario.engine;
      config.cluster = scenario.cluster;
      return simulate(config, **source, costs.of(scenario.deployment), collector);
    }
    PoolsConfig config = pools_config(scenario, scenario.seed);
    for (std::size_t i = 0; i < config.pools.size(); ++i)
      config.pools[i].cost = &costs.of(scenario.pools[i].deployment);
    return simulate(config, **source, collector);
  };
  const SimulationOutcome outcome = run();
  const RunMeasures measures = collector.take(outcome);
  if (!outcome.stop_reason.empty()) return outcome.stop_reason;
  if (measures.all.rejected > 0) {
    return fmt::format("{} of {} requests do not fit the engine's limits", measures.all.rejected,
                       measures.all.offered());
  }
  predicted = figures_of({measures, measures.all, Scope::run, scenario.tpot, device_figures(scenario)}, whole_batch);
  return {};
}

void compare(const Point& point, const NameTable& names, const AccuracyOptions& options, CostModels& costs,
             PointRow& row) {
  const Framework* framework = find_framework(point.framework);
  row.skipped = why_not(point, framework);
  if (!row.skipped.empty()) return;
  const Result<Scenario> scenario = scenario_of(point, *framework, names, options);
  if (!scenario) {
    row.skipped = first_reason(scenario.error());
    return;
  }
  const ModelSpec& model = scenario->deployment.model;
  if (model.recurrent.layers > 0) {
    row.group += ", linear attention";
    row.scored = false;
  } else if (model.moe.experts > 0 || model.attention == AttentionKind::latent) {
    row.group += ", MoE or MLA";
  }
  if (row.speculative) {
    row.group += ", speculation on or not stated";
    row.scored = false;
  }
  if (!fit_of(*scenario).feasible) {
    row.skipped = "does not fit the planned memory";
    return;
  }
  row.skipped = simulate_point(*scenario, point.workload == "static_batch", costs, row.predicted);
  for (std::size_t m = 0; m < kServingMetrics && row.skipped.empty(); ++m) {
    if (row.predicted[m] && row.measured[m]) row.error_percent[m] = (*row.predicted[m] / *row.measured[m] - 1) * 100;
  }
  if (!row.skipped.empty()) return;
  constexpr auto kTpot = static_cast<std::size_t>(ServingMetric::tpot);
  if (row.speculative && scenario->pools.empty() && row.predicted[kTpot] && row.measured[kTpot])
    row.drafts = draft_hypothesis(*scenario, *row.predicted[kTpot], *row.measured[kTpot]);
  if (const Result<Explanation> explanation = explain(*scenario)) {
    const ModelBand band = model_band(*explanation);
    row.band_percent = 100 * band.decode;
    row.inside_range = band.inside_range;
  }
}

std::string split_name(const Point& p) {
  std::string name = fmt::format("TP{}", p.tensor);
  if (p.pipeline > 1) name += fmt::format(" PP{}", p.pipeline);
  if (p.experts > 1) name += fmt::format(" EP{}", p.experts);
  if (p.data > 1) name += fmt::format(" DP{}", p.data);
  return name;
}

// A client takes the gaps between messages, and a server that is ahead of it puts several tokens into one: of
// Llama-2-7B 1,120 gaps for 1,448 tokens, of Llama-3.1-8B 96 of 100. What lies between tokens follows from what all of
// them took.
ServingFigures between_tokens(ServingFigures figures, std::int64_t output_tokens) {
  const auto& ttft = figures[static_cast<std::size_t>(ServingMetric::ttft)];
  const auto& e2e = figures[static_cast<std::size_t>(ServingMetric::e2e)];
  auto& gap = figures[static_cast<std::size_t>(ServingMetric::itl)];
  if (gap && ttft && e2e && *e2e > *ttft && output_tokens > 1)
    gap = (*e2e - *ttft) / static_cast<double>(output_tokens - 1);
  return figures;
}

PointRow row_of(const Point& p) {
  PointRow row;
  row.line = p.line;
  row.id = p.id;
  row.grade = p.grade;
  const Framework* framework = find_framework(p.framework);
  row.group = framework != nullptr ? std::string(framework->group) : p.framework;
  row.engine = framework != nullptr ? std::string(framework->engine) : std::string();
  row.speculative = p.notes.find("speculative decoding: mtp") != std::string::npos ||
                    p.notes.find("speculative decoding: ambiguous") != std::string::npos;
  row.other_release = framework != nullptr && release_of(*framework, p.framework).other();
  row.cold = recipe_of(p).cold;
  row.closed_loop = p.workload == "closed_loop";
  row.output_tokens = p.output_tokens;
  row.cell = fmt::format("{} {} {} {} {}", p.model_family, p.gpu_family, row.group, p.weights, split_name(p));
  if (!p.pools.empty()) {
    // Speculative decoding is not stated anywhere; the number of workers is, of some.
    row.group += p.sizes_are_stated ? ", apart" : ", apart, workers not stated";
    row.cell = fmt::format("{} {} {} {} {}/{}", p.model_family, p.gpu_family, row.group, p.weights, p.prompt_tokens,
                           p.output_tokens);
    row.scored = p.sizes_are_stated;
  }
  row.measured = between_tokens(p.measured, p.output_tokens);
  return row;
}

BandCoverage coverage(const std::vector<PointRow>& rows, bool inside_range) {
  constexpr auto kTpot = static_cast<std::size_t>(ServingMetric::tpot);
  BandCoverage result;
  result.inside_range = inside_range;
  std::map<std::string, std::pair<double, double>> cells;  // rows, covered
  std::vector<double> widths;
  for (const PointRow& row : rows) {
    if (!row.scored || !row.error_percent[kTpot] || row.band_percent <= 0 || row.inside_range != inside_range) continue;
    if (row.other_release) continue;
    auto& [all, covered] = cells[row.cell];
    all += 1;
    // The band is of the prediction: measured within predicted * (1 +- band).
    if (std::abs(*row.measured[kTpot] / *row.predicted[kTpot] - 1) * 100 <= row.band_percent) covered += 1;
    widths.push_back(row.band_percent);
    ++result.rows;
  }
  if (result.rows == 0) return result;
  for (const auto& [cell, counts] : cells) result.covered += counts.second / counts.first;
  result.covered /= static_cast<double>(cells.size());
  std::sort(widths.begin(), widths.end());
  result.half_width_percent = widths[widths.size() / 2];
  return result;
}

void summarise(PointAccuracy& result) {
  struct Key {
    std::string grade, group, cell;
    std::size_t metric;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::vector<ErrorSample>> overall, groups, cells;
  for (const PointRow& row : result.rows) {
    for (std::size_t m = 0; m < kServingMetrics; ++m) {
      if (!row.error_percent[m]) continue;
      const ErrorSample sample{*row.error_percent[m], row.id, row.cell};
      // Of TTFT and of TPOT: requests that decode while kernels are made wait too.
      const bool of_start = row.cold;
      const std::string group = of_start ? row.group + ", the engine's start in it" : row.group;
      if (row.scored && !of_start) overall[{row.grade, "", "", m}].push_back(sample);
      groups[{row.grade, group, "", m}].push_back(sample);
      cells[{row.grade, group, row.cell, m}].push_back(sample);
    }
  }
  const auto list = [](const auto& samples, std::vector<PointErrors>& out) {
    for (const auto& [key, errors] : samples) {
      out.push_back({key.grade, key.group, key.cell, static_cast<ServingMetric>(key.metric), error_statistics(errors)});
    }
  };
  list(overall, result.overall);
  list(groups, result.groups);
  list(cells, result.cells);
  for (const bool inside : {true, false}) result.bands.push_back(coverage(result.rows, inside));
  const std::vector<RunErrorSample> samples = run_error_samples(result.rows);
  result.run_errors = fit_run_errors(samples);
  result.reliability = cross_validate(samples);
}

// Rows of one system together, so that they share step times; the systems in order of the file.
std::vector<std::vector<std::size_t>> by_system(const std::vector<Point>& points) {
  std::map<std::string, std::size_t> index;
  std::vector<std::vector<std::size_t>> systems;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    const auto [at, added] = index.emplace(
        fmt::format("{}|{}|{}|{}|{}", p.model, p.gpu, p.framework, p.weights, split_name(p)), systems.size());
    if (added) systems.emplace_back();
    systems[at->second].push_back(i);
  }
  return systems;
}

}  // namespace

std::string_view to_string(ServingMetric metric) {
  constexpr std::array<std::string_view, kServingMetrics> kNames = {"ttft_ms", "tpot_ms", "itl_ms", "e2e_ms",
                                                                    "output_tps_total"};
  return kNames[static_cast<std::size_t>(metric)];
}

Result<PointAccuracy> compare_points(const std::string& path, const AccuracyOptions& options) {
  const Result<std::vector<Point>> points = read_points(path);
  const Result<NameTable> names = NameTable::open(options.names_path, path);
  const Result<SharedCalibration> calibration = Catalog(options.catalog_dir).calibration();
  Diagnostics problems;
  if (!points) problems.append(points.error());
  if (!names) problems.append(names.error());
  if (!calibration) problems.append(calibration.error());
  if (problems.has_errors()) return problems;

  PointAccuracy result;
  result.path = path;
  for (const Point& p : *points) result.rows.push_back(row_of(p));
  const std::vector<std::vector<std::size_t>> systems = by_system(*points);
  parallel_for(systems.size(), options.threads, [&](std::size_t s) {
    CostModels costs;
    for (const std::size_t i : systems[s]) compare((*points)[i], *names, options, costs, result.rows[i]);
  });
  summarise(result);
  return result;
}

}  // namespace foretoken
