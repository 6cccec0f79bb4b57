// From files to fitted terms: reads, describes each run as a scenario, fits, and says how good it is.
#include "foretoken/study/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "study/calibration/check_measured.hpp"
#include "study/calibration/measured_source.hpp"
#include "study/calibration/report_terms.hpp"

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

std::string load_text(const RunToFit& run) {
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

class Study {
 public:
  Study(const ScenarioText& source, const LoadOptions& load, const CalibrationOptions& options)
      : source_(source), load_(load), options_(options) {}

  Result<CalibrationResult> run(const std::vector<MeasuredFile>& files) {
    read(files);
    if (!problems_.has_errors()) check_terms();
    try {
      if (!problems_.has_errors()) check_runs();
      if (problems_.has_errors()) return problems_;
      fit_and_report();
    } catch (const Interrupted&) {
      result_.interrupted = true;
    } catch (const DiagnosticsError& error) {
      return error.diagnostics();
    }
    return std::move(result_);
  }

 private:
  void read(const std::vector<MeasuredFile>& files) {
    auto scenario = parse_scenario(source_.text, source_.origin, load_);
    if (!scenario) {
      problems_ = scenario.error();
      return;
    }
    result_.scenario = std::move(*scenario);
    const CostLevel level = result_.scenario.deployment.level;
    if (level == CostLevel::affine || level == CostLevel::datasheet) {
      problems_.error({source_.origin, 0, 0},
                      "cost.level must be roofline or calibrated: the others have no terms to fit");
      return;
    }
    for (const MeasuredFile& file : files) {
      Result<std::vector<MeasuredRun>> runs = read_measured(file.path);
      if (!runs) {
        problems_.append(runs.error());
        continue;
      }
      for (MeasuredRun& run : *runs) add(std::move(run), file.overrides);
    }
  }

  void add(MeasuredRun measured, const std::vector<std::string>& overrides) {
    LoadOptions load = load_;
    load.overrides = measured.overrides;
    load.overrides.insert(load.overrides.end(), load_.overrides.begin(), load_.overrides.end());
    load.overrides.insert(load.overrides.end(), overrides.begin(), overrides.end());
    auto scenario = parse_scenario(source_.text, source_.origin, load);
    if (!scenario) {
      problems_.append(of_run(scenario.error(), measured.name));
      return;
    }
    const MemoryPlan plan = plan_memory(scenario->deployment, scenario->memory);
    if (!plan.fits) problems_.error({measured.name, 0, 0}, plan.verdict);
    if (!measured.requests.empty() && options_.fit_first >= static_cast<std::int64_t>(measured.requests.size())) {
      problems_.error({measured.name, 0, 0}, fmt::format("--fit-first {} leaves none of its {} requests to predict",
                                                         options_.fit_first, measured.requests.size()));
    }
    runs_.push_back({std::move(measured), std::move(*scenario)});
    std::vector<std::string> given = load_.overrides;
    given.insert(given.end(), overrides.begin(), overrides.end());
    check_origin(runs_.back(), result_.scenario, source_, load_, given, doubts_);
  }

  // One simulation of each tells whether it is of this scenario, and that it can be simulated at all.
  void check_runs() {
    for (const RunToFit& run : runs_) {
      const Result<PredictedRun> predicted = predict(run, run.scenario, options_.stop);
      if (predicted) {
        check_lengths(run, *predicted, doubts_);
      } else {
        problems_.append(predicted.error());
      }
    }
    problems_.append(doubts_.errors);
    result_.warnings.insert(result_.warnings.end(), doubts_.warnings.begin(), doubts_.warnings.end());
  }

  void check_terms() {
    std::vector<std::string> names;
    for (const FittedTerm& term : fitted_terms()) names.emplace_back(term.name);
    for (const std::string& asked : options_.terms) {
      if (std::find(names.begin(), names.end(), asked) != names.end()) continue;
      const std::string close = closest_match(asked, names);
      problems_.error({"--terms", 0, 0},
                      fmt::format("there is no term '{}'; terms are {}", asked, fmt::join(names, ", ")),
                      close.empty() ? "" : fmt::format("did you mean '{}'?", close));
    }
    if (options_.fit_first > 0 &&
        std::none_of(runs_.begin(), runs_.end(), [](const RunToFit& r) { return !r.measured.requests.empty(); })) {
      problems_.error({"--fit-first", 0, 0}, "none of the files holds single requests: only whole runs can be fitted");
    }
  }

  std::vector<const Term*> candidates() {
    std::vector<const Term*> able;
    for (const Term& term : terms()) {
      std::string reason = cannot_act(term, runs_.front().scenario);
      const auto differs = [&](const RunToFit& r) {
        return value_of(term, r.scenario) != value_of(term, runs_.front().scenario);
      };
      if (reason.empty() && std::any_of(runs_.begin(), runs_.end(), differs)) reason = "it differs between the runs";
      const bool asked = options_.terms.empty() || std::find(options_.terms.begin(), options_.terms.end(),
                                                             term.named->name) != options_.terms.end();
      if (reason.empty() && !asked) reason = "not asked for";
      if (reason.empty())
        able.push_back(&term);
      else
        kept_.push_back({&term, std::move(reason)});
    }
    return able;
  }

  [[nodiscard]] Part fitted_part(const RunToFit& run) const {
    // Figures are of all requests, however many there were.
    if (run.measured.requests.empty()) return {0, std::numeric_limits<std::size_t>::max()};
    if (options_.fit_first == 0) return {0, run.measured.requests.size()};
    return {0, static_cast<std::size_t>(options_.fit_first)};
  }

  void fit_and_report() {
    std::vector<Part> parts;
    for (const RunToFit& run : runs_) parts.push_back(fitted_part(run));
    const std::vector<const Term*> able = candidates();
    Calibrator calibrator(runs_, parts, options_, result_.simulations);
    const Explained explained = explain_data(calibrator, able);
    if (explained.terms.empty()) {
      for (const Term* term : explained.inert) kept_.push_back({term, no_effect(*term)});
      Diagnostics none;
      for (const KeptTerm& kept : kept_)
        none.error({source_.origin, 0, 0},
                   fmt::format("'{}' cannot be fitted: {}", kept.term->named->name, kept.reason));
      throw DiagnosticsError(none);
    }
    const TermSet& fit = explained.all.front();
    result_.singular_values = explained.singular_values;
    result_.figures = calibrator.figure_count();
    result_.rms_before = calibrator.distance({}, {});
    result_.rms_after = calibrator.distance(explained.terms, fit.x);
    report_terms(explained, calibrator, kept_, result_);
    if (fit.members.empty())
      result_.warnings.emplace_back(
          "the defaults explain these measurements: no term departs from its own by more than the noise");
    report_runs(parts);
    const auto before = calibrator.predict_all({}, {});
    const auto after = calibrator.predict_all(explained.terms, fit.x);
    report_errors(parts, before, after, calibrator, explained);
  }

  void report_runs(const std::vector<Part>& parts) {
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const MeasuredRun& m = runs_[i].measured;
      const std::int64_t fitted = m.requests.empty() ? 0 : static_cast<std::int64_t>(parts[i].end);
      result_.runs.push_back({m.name, m.format, m.sha256, m.completed, m.failed, fitted, load_text(runs_[i]), m.notes});
    }
  }

  void add_errors(std::size_t run, const Part& part, const std::string& name, const std::vector<PredictedRun>& before,
                  const std::vector<PredictedRun>& after, const std::vector<PredictedRun>* held_out) {
    for (std::size_t l = 0; l < kLatencies; ++l) {
      const auto latency = static_cast<Latency>(l);
      const MeasuredRun& m = runs_[run].measured;
      if (latency == Latency::itl && !m.requests.empty()) continue;
      const auto old = means(m, before[run], part, latency);
      const auto fitted = means(m, after[run], part, latency);
      if (!old || !fitted) continue;
      CalibrationError error{m.name,        name,           std::string(to_string(latency)),
                             old->measured, old->predicted, fitted->predicted,
                             std::nullopt};
      if (held_out != nullptr) {
        if (const auto without = means(m, (*held_out)[run], part, latency)) error.held_out = without->predicted;
      }
      result_.errors.push_back(std::move(error));
    }
  }

  void report_errors(const std::vector<Part>& parts, const std::vector<PredictedRun>& before,
                     const std::vector<PredictedRun>& after, const Calibrator& calibrator, const Explained& explained) {
    if (options_.fit_first > 0) {
      result_.held_out_by =
          fmt::format("fitted on the first {} requests of each run, which was simulated whole", options_.fit_first);
      for (std::size_t i = 0; i < runs_.size(); ++i) {
        const std::size_t all = runs_[i].measured.requests.size();
        if (all == 0) {
          add_errors(i, parts[i], "all", before, after, nullptr);
          continue;
        }
        add_errors(i, parts[i], fmt::format("first {}", options_.fit_first), before, after, nullptr);
        add_errors(i, {parts[i].end, all}, "the rest", before, after, &after);
        add_errors(i, {0, all}, "all", before, after, nullptr);
      }
    } else if (runs_.size() > 1) {
      result_.held_out_by = "each run predicted from a fit of the others";
      for (std::size_t i = 0; i < runs_.size(); ++i) {
        const auto without = predict_run_from_others(i, parts, calibrator, explained);
        add_errors(i, parts[i], "all", before, after, &without);
      }
    } else {
      const std::size_t all = runs_.front().measured.requests.size();
      constexpr std::size_t kFewest = 40;
      add_errors(0, parts[0], "all", before, after, nullptr);
      if (all < kFewest) return;
      result_.held_out_by = "the second half of the run, predicted from a fit of the first";
      const auto without = predict_second_half(explained);
      add_errors(0, {all / 2, all}, "second half", before, after, &without);
    }
  }

  // Terms are chosen anew, so that what is left out has no say in anything.
  std::vector<PredictedRun> predict_run_from_others(std::size_t run, std::vector<Part> parts,
                                                    const Calibrator& calibrator, const Explained& whole) {
    std::vector<Eigen::Index> figures;
    for (std::size_t other = 0; other < runs_.size(); ++other) {
      if (other == run) continue;
      for (const Eigen::Index place : calibrator.figures_of(other)) figures.push_back(place);
    }
    parts[run] = {};
    Calibrator others(runs_, std::move(parts), options_, result_.simulations);
    const Explained explained = explain_some(others, whole, figures);
    return others.predict_all(explained.terms, explained.all.front().x);
  }

  std::vector<PredictedRun> predict_second_half(const Explained& whole) {
    Calibrator first(runs_, {{0, runs_.front().measured.requests.size() / 2}}, options_, result_.simulations);
    std::vector<const Term*> able = whole.terms;
    able.insert(able.end(), whole.inert.begin(), whole.inert.end());
    const Explained explained = explain_data(first, able);
    if (explained.terms.empty()) return first.predict_all({}, {});
    return first.predict_all(explained.terms, explained.all.front().x);
  }

  const ScenarioText& source_;
  const LoadOptions& load_;
  const CalibrationOptions& options_;
  Diagnostics problems_;
  MeasuredDoubts doubts_;
  std::vector<RunToFit> runs_;
  std::vector<KeptTerm> kept_;
  CalibrationResult result_;
};

}  // namespace

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

Result<CalibrationResult> calibrate(const ScenarioText& source, const LoadOptions& load,
                                    const std::vector<MeasuredFile>& files, const CalibrationOptions& options) {
  return Study(source, load, options).run(files);
}

}  // namespace foretoken
