// Files that grow as a run goes on.
#include "cli/run_files.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/terminal.hpp"
#include "report/openmetrics.hpp"

namespace foretoken {
namespace {

template <class T>
bool take(Result<T> created, std::optional<T>& into) {
  if (created)
    into.emplace(std::move(*created));
  else
    say(created.error());
  return into.has_value();
}

}  // namespace

std::vector<std::pair<std::string, std::string>> RunFileOptions::named() const {
  return {{"--save-requests", requests}, {"--save-steps", steps}, {"--timeline", timeline}};
}

bool RunFiles::open_rows(const RunFileOptions& options, const Scenario& scenario) {
  std::vector<std::string> classes;
  for (const RequestClass& c : scenario.workload.classes) classes.push_back(c.name);
  if (!options.requests.empty() && !take(RequestRows::create(options.requests, classes, scenario.tpot), requests_))
    return false;
  return options.steps.empty() || take(StepRows::create(options.steps), steps_);
}

bool RunFiles::open_timeline(const RunFileOptions& options, const Scenario& scenario) {
  if (options.timeline.empty()) return true;
  Result<TimelineOptions> window = TimelineOptions{};
  if (!options.timeline_window.empty()) window = parse_timeline_window(options.timeline_window);
  if (!window) {
    say(window.error());
    return false;
  }
  window->most_events = options.timeline_events;
  window->ranks_per_replica = scenario.engine.data_parallel_size;
  return take(TimelineFile::create(options.timeline, *window), timeline_);
}

bool RunFiles::open_metrics(const RunFileOptions& options, const Scenario& scenario) {
  asked_interval_ = Duration::max();
  if (!options.metrics_interval.empty()) {
    const Result<double> seconds = parse_quantity(options.metrics_interval, Dimension::time);
    if (!seconds || !(*seconds >= 1e-3) || *seconds > 1e9) {
      say(fmt::format("error: --openmetrics-interval: '{}' is no time between samples\n  hint: 15s, 1 min, 500 ms\n",
                      options.metrics_interval));
      return false;
    }
    asked_interval_ = duration_from_seconds(*seconds);
  }
  metrics_.emplace(server_metrics_config(scenario, asked_interval_));
  return true;
}

std::optional<RunFiles> RunFiles::open(const RunFileOptions& options, const OutputOptions& output,
                                       const Scenario& scenario) {
  RunFiles files;
  if (options.takes_standard_output() && (output.output.empty() || (options.requests == "-" && options.steps == "-"))) {
    say("error: standard output can have one of the rows and the answer\n  hint: -o FILE takes the answer\n");
    return std::nullopt;
  }
  const bool opened = files.open_rows(options, scenario) && files.open_timeline(options, scenario) &&
                      (output.format != "openmetrics" || files.open_metrics(options, scenario));
  return opened ? std::optional(std::move(files)) : std::nullopt;
}

void RunFiles::watch(RunOptions& run) {
  if (requests_)
    run.on_request = [this](int replication, const RequestRecord& record) { requests_->add(replication, record); };
  if (steps_) run.watchers.push_back(&*steps_);
  if (timeline_) run.watchers.push_back(&*timeline_);
  if (metrics_) run.watchers.push_back(&*metrics_);
}

Diagnostics RunFiles::commit(bool quiet) {
  Diagnostics lost = requests_ ? requests_->commit() : Diagnostics{};
  if (steps_) lost.append(steps_->commit());
  if (timeline_) {
    lost.append(timeline_->commit());
    if (const std::string left = timeline_->left_out(); !left.empty() && !quiet) say(fmt::format("note: {}\n", left));
  }
  if (metrics_ && metrics_->interval() != asked_interval_ && !quiet)
    say(fmt::format("note: samples stand {} apart: more of them would take too much memory\n",
                    format_quantity(to_seconds(metrics_->interval()), Dimension::time)));
  return lost;
}

void add_run_file_options(CLI::App& command, RunFileOptions& options) {
  command
      .add_option("--save-requests", options.requests,
                  "Also write one row per request: CSV, or lines of JSON (*.jsonl, or - for standard output)")
      ->type_name("FILE");
  command
      .add_option("--save-steps", options.steps,
                  "Also write one row per engine step of the first replication, likewise")
      ->type_name("FILE");
  CLI::Option* timeline = command.add_option("--timeline", options.timeline,
                                             "Also write steps and requests of a replication, for Perfetto");
  timeline->type_name("FILE");
  command
      .add_option("--timeline-window", options.timeline_window, "Only this part, in simulated seconds: 10:20, 10:, :20")
      ->type_name("FROM-TO")
      ->needs(timeline);
  command.add_option("--timeline-events", options.timeline_events, "Most events of it; what is left out is said")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->needs(timeline)
      ->capture_default_str();
  CLI::Option* interval = command.add_option(
      "--openmetrics-interval", options.metrics_interval,
      "Of --format openmetrics: a sample of every metric after each interval (15s), not at the end alone");
  interval->type_name("TIME");
  command
      .add_option("--openmetrics-start", options.metrics_start,
                  "Time of the run's first instant in those samples, Unix seconds")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{100'000'000'000}))
      ->needs(interval)
      ->capture_default_str();
}

}  // namespace foretoken
