// What `run` writes beside its answer while it runs: rows of requests and steps, a timeline, metrics of a server.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.hpp"
#include "foretoken/experiment/run.hpp"
#include "metrics/server_metrics.hpp"
#include "report/request_rows.hpp"
#include "report/step_rows.hpp"
#include "report/timeline/timeline_file.hpp"

namespace foretoken {

struct RunFileOptions {
  std::string requests, steps;  // "-" = standard output
  std::string timeline, timeline_window;
  std::int64_t timeline_events = TimelineOptions{}.most_events;
  std::string metrics_interval;
  std::int64_t metrics_start = 0;

  // By the option that names each; those that a sweep cannot have.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> named() const;
  [[nodiscard]] bool takes_standard_output() const { return requests == "-" || steps == "-"; }
};

void add_run_file_options(CLI::App& command, RunFileOptions& options);

class RunFiles {
 public:
  // Nothing when one was refused, which is said.
  [[nodiscard]] static std::optional<RunFiles> open(const RunFileOptions& options, const OutputOptions& output,
                                                    const Scenario& scenario);
  // As long as the run goes on, this stays where it is.
  void watch(RunOptions& run);
  // What could not be written.
  [[nodiscard]] Diagnostics commit(bool quiet);
  [[nodiscard]] const std::optional<ServerMetrics>& metrics() const { return metrics_; }

 private:
  [[nodiscard]] bool open_rows(const RunFileOptions& options, const Scenario& scenario);
  [[nodiscard]] bool open_timeline(const RunFileOptions& options, const Scenario& scenario);
  [[nodiscard]] bool open_metrics(const RunFileOptions& options, const Scenario& scenario);

  std::optional<RequestRows> requests_;
  std::optional<StepRows> steps_;
  std::optional<TimelineFile> timeline_;
  std::optional<ServerMetrics> metrics_;
  Duration asked_interval_{};
};

}  // namespace foretoken
