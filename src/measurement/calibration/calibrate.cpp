// From files to fitted terms: reads, describes each run as a scenario, fits, and says how good it is.
#include "measurement/calibration/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "measurement/calibration/measured_runs.hpp"
#include "measurement/calibration/report_terms.hpp"

namespace foretoken {
namespace {

class Study {
 public:
  Study(const Question& question, const CalibrationOptions& options) : question_(question), options_(options) {}

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
    auto scenario = question_.scenario();
    if (!scenario) {
      problems_ = scenario.error();
      return;
    }
    result_.scenario = std::move(*scenario);
    const CostLevel level = result_.scenario.deployment.level;
    if (level == CostLevel::affine || level == CostLevel::datasheet) {
      problems_.error(question_.whole(), "cost.level must be roofline or calibrated: the others have no terms to fit");
      return;
    }
    runs_ = read_runs(question_, result_.scenario, files, problems_, doubts_);
    for (const RunToFit& run : runs_) {
      const auto requests = static_cast<std::int64_t>(run.measured.requests.size());
      if (requests > 0 && options_.fit_first >= requests) {
        problems_.error(
            {run.measured.name, 0, 0},
            fmt::format("--fit-first {} leaves none of its {} requests to predict", options_.fit_first, requests));
      }
    }
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
        none.error(question_.whole(), fmt::format("'{}' cannot be fitted: {}", kept.term->named->name, kept.reason));
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
      result_.runs.push_back({m.name, m.format, m.sha256, m.completed, m.failed, fitted, load_of(runs_[i]), m.notes});
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

  const Question& question_;
  const CalibrationOptions& options_;
  Diagnostics problems_;
  MeasuredDoubts doubts_;
  std::vector<RunToFit> runs_;
  std::vector<KeptTerm> kept_;
  CalibrationResult result_;
};

}  // namespace

Result<CalibrationResult> calibrate(const Question& question, const std::vector<MeasuredFile>& files,
                                    const CalibrationOptions& options) {
  return Study(question, options).run(files);
}

}  // namespace foretoken
