// Files of pictures beside the printed result.
#include "cli/pictures.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/exit_codes.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/picture.hpp"
#include "persistence/atomic_file.hpp"
#include "report/result_series.hpp"

namespace foretoken {
namespace {

struct Plot {
  std::string name;  // empty = the first
  std::string file;
};

// latency=out.svg, or a file alone.
Plot plot_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {{}, text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

PictureTheme theme_of(const std::string& word) {
  return word == "light" ? PictureTheme::light : word == "dark" ? PictureTheme::dark : PictureTheme::automatic;
}

bool say_problems(const Diagnostics& problems) {
  if (!problems.empty()) say(problems);
  return problems.empty();
}

}  // namespace

void add_picture_options(CLI::App& command, OutputOptions& options) {
  command.add_option("--report", options.report, "Also write a page of charts and tables (HTML, needs no network)")
      ->type_name("FILE");
  command.add_option("--plot", options.plots, "Also draw the first picture, or the one named: roofline=out.svg")
      ->type_name("[NAME=]FILE")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command
      .add_option("--plot-theme", options.plot_theme, "Colours of --plot: as the reader's screen, or one of the two")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "light", "dark"}))
      ->capture_default_str();
}

bool wants_pictures(const OutputOptions& options) {
  return !options.report.empty() || !options.plots.empty();
}

std::vector<std::string> picture_files(const OutputOptions& options) {
  std::vector<std::string> files;
  if (!options.report.empty()) files.push_back(options.report);
  for (const std::string& text : options.plots) files.push_back(plot_of(text).file);
  return files;
}

bool pictures_can_be_created(const OutputOptions& options) {
  std::vector<std::pair<std::string, std::string>> files{{"--output", options.output}, {"--report", options.report}};
  const std::vector<std::string_view> known = all_picture_names();
  bool good = options.report.empty() || say_problems(AtomicFile::check(options.report));
  for (const std::string& text : options.plots) {
    const Plot plot = plot_of(text);
    files.emplace_back("--plot", plot.file);
    // Of pools one each, by names that only the scenario knows.
    const bool of_a_pool = plot.name.starts_with("replicas-");
    if (!plot.name.empty() && !of_a_pool && std::find(known.begin(), known.end(), plot.name) == known.end()) {
      const std::string close = closest_match(plot.name, {known.begin(), known.end()});
      say(fmt::format("error: --plot: no picture is called '{}'\n  hint: {}{}\n", plot.name,
                      close.empty() ? "" : fmt::format("did you mean '{}'? All: ", close), fmt::join(known, ", ")));
      good = false;
    } else {
      good = say_problems(AtomicFile::check(plot.file)) && good;
    }
  }
  return files_are_distinct(files) && good;
}

int deliver_pictures(int code, const OutputOptions& options, const std::function<Pictured()>& result) {
  // Without a result there is nothing to draw.
  if (!wants_pictures(options) || code == kExitBadInput || code == kExitInternal) return code;
  const Pictured pictured = result();
  int failed = kExitOk;
  if (!options.report.empty()) {
    if (!why_charts_stand_still().empty() && !options.quiet)
      say(fmt::format("note: the charts of --report stand still: {}\n", why_charts_stand_still()));
    if (!say_problems(write_file(options.report, to_page(pictured.document, pictured.words)))) failed = kExitInternal;
  }
  for (const std::string& text : options.plots) {
    const Plot plot = plot_of(text);
    const Result<std::string> svg = to_svg(pictured.document, plot.name, theme_of(options.plot_theme));
    if (!svg) {
      say(svg.error());
      failed = failed == kExitOk ? kExitBadInput : failed;
    } else if (!say_problems(write_file(plot.file, *svg))) {
      failed = kExitInternal;
    }
  }
  return code == kExitOk ? failed : code;
}

void add_one_run(Json& document, const Scenario& scenario, const RunOptions& options) {
  RunSeries series(kv_blocks_by_rank(scenario));
  RunOptions once = options;
  once.progress = nullptr;
  once.attribution_groups = true;
  once.watchers = {&series};
  Scenario one = scenario;
  one.replications = 1;
  const Result<RunResult> run = run_scenario(one, once);
  if (run && run->feasible && !run->replications.empty()) add_series(document, *run, series);
  add_roofline_of(document, scenario);
}

void add_roofline_of(Json& document, const Scenario& scenario) {
  if (const Result<Explanation> explanation = explain(scenario); explanation) add_explanation(document, *explanation);
}

}  // namespace foretoken
