// From files to runs that can be simulated.
#include "measurement/calibration/measured_runs.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "measurement/calibration/measured_source.hpp"

namespace foretoken {
namespace {

bool starts_assignment(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || text.front() < 'a' || text.front() > 'z') return false;
  return text.substr(0, equals).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.[]") == std::string_view::npos;
}

// Problems of the scenario of one run say which run it is.
Diagnostics of_run(const Diagnostics& problems, const std::string& run) {
  Diagnostics named;
  for (const Diagnostic& d : problems.items())
    named.error(d.where, fmt::format("{} (scenario of {})", d.message, run), d.hint, d.source_line);
  return named;
}

std::optional<RunToFit> describe(MeasuredRun measured, const Question& question,
                                 const std::vector<std::string>& overrides, Diagnostics& problems) {
  Question all = question;
  all.options.overrides = measured.overrides;
  // The load of a measurement is what it was.
  all.options.overrides.emplace_back("workload.load_factor=null");
  auto scenario = all.with(question.options.overrides).with(overrides).scenario();
  if (!scenario) {
    problems.append(of_run(scenario.error(), measured.name));
    return std::nullopt;
  }
  const MemoryPlan plan = plan_memory(scenario->deployment, scenario->memory);
  if (!plan.fits) problems.error({measured.name, 0, 0}, plan.verdict);
  return RunToFit{std::move(measured), std::move(*scenario)};
}

}  // namespace

std::vector<RunToFit> read_runs(const Question& question, const Scenario& base, const std::vector<MeasuredFile>& files,
                                Diagnostics& problems, MeasuredDoubts& doubts) {
  std::vector<RunToFit> all;
  for (const MeasuredFile& file : files) {
    Result<std::vector<MeasuredRun>> runs = read_measured(file.path);
    if (!runs) {
      problems.append(runs.error());
      continue;
    }
    std::vector<std::string> given = question.options.overrides;
    given.insert(given.end(), file.overrides.begin(), file.overrides.end());
    for (MeasuredRun& measured : *runs) {
      std::optional<RunToFit> run = describe(std::move(measured), question, file.overrides, problems);
      if (!run) continue;
      check_origin(*run, base, question, given, doubts);
      all.push_back(std::move(*run));
    }
  }
  return all;
}

std::string load_of(const RunToFit& run) {
  const WorkloadConfig& w = run.scenario.workload;
  std::string text;
  if (replays_arrivals(run.measured, run.scenario)) {
    const double seconds = run.measured.requests.back().arrival;
    text = seconds > 0 ? fmt::format("recorded sends, {:.3g} requests/s",
                                     static_cast<double>(run.measured.requests.size() - 1) / seconds)
                       : "all at once";
  } else if (const auto* renewal = std::get_if<RenewalArrivals>(&w.arrivals)) {
    text = fmt::format("{:g} requests/s", renewal->rate);
  } else {
    text = std::holds_alternative<AllAtOnceArrivals>(w.arrivals) ? "all at once" : "the scenario's arrivals";
  }
  if (w.max_concurrency) text += fmt::format(", at most {} at once", *w.max_concurrency);
  return text;
}

MeasuredFile parse_measured_file(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text, {}};
  for (auto colon = text.find(':'); colon != std::string::npos; colon = text.find(':', colon + 1)) {
    if (!starts_assignment(std::string_view(text).substr(colon + 1))) continue;
    MeasuredFile file{text.substr(0, colon), {}};
    std::size_t begin = colon + 1;
    for (auto comma = text.find(',', begin); comma != std::string::npos; comma = text.find(',', comma + 1)) {
      if (!starts_assignment(std::string_view(text).substr(comma + 1))) continue;
      file.overrides.push_back(text.substr(begin, comma - begin));
      begin = comma + 1;
    }
    file.overrides.push_back(text.substr(begin));
    return file;
  }
  return {text, {}};
}

}  // namespace foretoken
