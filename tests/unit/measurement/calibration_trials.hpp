// Trials of `calibrate`: a deployment with known cost terms, its measured figures with noise, and what the fit finds.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/calibration/calibrate.hpp"
#include "support/temporary_file.hpp"

namespace foretoken::test {

// Chat-like lengths on one GPU; eight requests a second are half of what it can do.
inline constexpr const char* kTrialScenario =
    "version: 1\nmodel: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_num_seqs: 128}\n"
    "workload: {num_prompts: 200, request_rate: 8, input_lengths: {distribution: uniform, min: 50, max: 3000},"
    " output_lengths: {distribution: uniform, min: 20, max: 300}}\n";

struct PlantedTerm {
  std::string name;
  std::string unit;
  double value = 0;
};
struct Trial {
  std::string name;
  std::vector<PlantedTerm> truth;
  std::vector<double> rates;  // of the measured runs
  std::uint64_t seed = 0;     // of the noise
};

struct TrialTerm {
  std::string name;
  TermStatus status = TermStatus::kept;
  double value = 0;
  double standard_error = 0;
  double truth = 0;
  std::string reason;
  // The fit commits itself: it says a value and how well it knows it.
  [[nodiscard]] bool identified() const {
    return status == TermStatus::fitted || (status == TermStatus::kept && standard_error > 0);
  }
  [[nodiscard]] bool right() const { return std::abs(value - truth) <= 2 * standard_error; }
};
struct TrialOutcome {
  std::vector<TrialTerm> terms;
  std::vector<double> held_out;  // predicted over true mean latencies of left-out loads
  std::vector<CalibrationExplanation> explanations;
  std::int64_t simulations = 0;
};

class NoiseStream {
 public:
  explicit NoiseStream(std::uint64_t seed) : bits_(seed) {}
  double uniform(double least, double most) {  // the standard's distributions differ between libraries
    return least + (most - least) * static_cast<double>(bits_() >> 11) * 0x1p-53;
  }

 private:
  std::mt19937_64 bits_;
};

inline Scenario trial_scenario(std::vector<std::string> overrides) {
  return parse_scenario(kTrialScenario, "trial.yaml", {std::move(overrides), {}}).value();
}

// Means and percentiles as vllm bench serve writes them, of the scenario with other terms.
inline Json true_figures(const Trial& trial, double rate) {
  std::vector<std::string> overrides{fmt::format("workload.request_rate={}", rate)};
  for (const PlantedTerm& t : trial.truth) overrides.push_back(fmt::format("cost.{}={}{}", t.name, t.value, t.unit));
  return to_vllm_json(run_scenario(trial_scenario(std::move(overrides))).value());
}

// Every latency figure strays by up to `share`, each on its own.
inline Json with_noise(const Json& figures, double share, NoiseStream& noise) {
  Json noisy = Json::object();
  for (const auto& [key, value] : *figures.if_object()) {
    double number = 0;
    const bool latency =
        key.ends_with("_ttft_ms") || key.ends_with("_tpot_ms") || key.ends_with("_e2el_ms") || key.ends_with("_itl_ms");
    noisy[key] = latency && value.number(number) ? Json(number * (1 + noise.uniform(-share, share))) : value;
  }
  return noisy;
}

inline TrialOutcome run_trial(const Trial& trial) {
  constexpr double kShare = 0.03;
  NoiseStream noise(trial.seed);
  std::vector<Json> truths;
  std::list<TemporaryFile> files;
  std::vector<MeasuredFile> measured;
  for (const double rate : trial.rates) {
    truths.push_back(true_figures(trial, rate));
    files.emplace_back(to_text(with_noise(truths.back(), kShare, noise)), ".json");
    measured.push_back({files.back().path(), {}});
  }
  const Result<CalibrationResult> result = calibrate({kTrialScenario, "trial.yaml"}, measured, {});
  if (!result) throw std::runtime_error(format(result.error()));
  TrialOutcome outcome{{}, {}, result->explanations, result->simulations};
  for (const CalibrationTerm& t : result->terms) {
    TrialTerm term{t.name, t.status, t.value, t.standard_error, t.default_value, t.reason};
    for (const PlantedTerm& planted : trial.truth) {
      if (planted.name == t.name) term.truth = planted.value;
    }
    outcome.terms.push_back(term);
  }
  for (const CalibrationError& e : result->errors) {
    if (!e.held_out) continue;
    for (std::size_t i = 0; i < measured.size(); ++i) {
      double mean = 0;
      if (measured[i].path == e.run && std::as_const(truths[i])["mean_" + e.latency + "_ms"].number(mean))
        outcome.held_out.push_back(*e.held_out / mean);
    }
  }
  return outcome;
}

// The value with its standard error and (the truth); "?" = confused with another, "=" = known to be the default, "." =
// left alone.
inline std::string shown(const TrialTerm& t) {
  if (t.status == TermStatus::kept && t.standard_error == 0)
    return t.value == t.truth ? std::string(".") : fmt::format(". ({:.3g})", t.truth);
  const char* mark = t.status == TermStatus::ambiguous ? "?" : t.status == TermStatus::kept ? "=" : "";
  return fmt::format("{:.3g}{} +- {:.2g} ({:.3g}){}", t.value, mark, t.standard_error, t.truth, t.right() ? "" : " !");
}

inline bool names_all(const std::vector<CalibrationExplanation>& explanations, const std::vector<PlantedTerm>& truth) {
  return std::all_of(truth.begin(), truth.end(), [&](const PlantedTerm& planted) {
    return std::any_of(explanations.begin(), explanations.end(), [&](const CalibrationExplanation& e) {
      return std::any_of(e.terms.begin(), e.terms.end(), [&](const auto& moved) { return moved.name == planted.name; });
    });
  });
}

}  // namespace foretoken::test
