// Forty deployments with known cost terms: whether the fit finds them, and what it says when it cannot. The table is
// the evidence of src/measurement/calibration/README.md.
#include "unit/measurement/calibration_trials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace foretoken {
namespace {

using test::NoiseStream;
using test::PlantedTerm;
using test::run_trial;
using test::Trial;
using test::TrialOutcome;
using test::TrialTerm;

// Four trials of each: a term alone or all together, measured at one load or at three. Sizes and noise are drawn.
std::vector<Trial> forty_trials(std::uint64_t seed) {
  std::vector<Trial> all;
  for (const std::string which : {"memory", "compute", "step", "request", "all four"}) {
    for (const std::vector<double>& rates : {std::vector<double>{8}, std::vector<double>{2, 8, 14}}) {
      for (int i = 0; i < 4; ++i) {
        NoiseStream draw(++seed * 1000);
        Trial trial{fmt::format("{}, {}", which, rates.size() == 1 ? "one load" : "three loads"), {}, rates, seed};
        const std::pair<const char*, PlantedTerm> planted[] = {
            {"memory", {"memory_efficiency_scale", "", draw.uniform(0.7, 0.95)}},
            {"compute", {"compute_efficiency_scale", "", draw.uniform(0.7, 0.95)}},
            {"step", {"per_step", " us", draw.uniform(1300, 3300)}},  // 1 to 3 ms more than the default
            {"request", {"per_request", " ms", draw.uniform(8, 40)}}};
        for (const auto& [name, term] : planted) {
          if (which == name || which == "all four") trial.truth.push_back(term);
        }
        all.push_back(std::move(trial));
      }
    }
  }
  return all;
}

struct Tally {
  int said = 0, right = 0;
  void count(bool is_right) {
    ++said;
    right += is_right ? 1 : 0;
  }
};

TEST(CalibrationTrials, HoldTheTruthWithinTwoStandardErrorsAndPredictLeftOutLoads) {
  Tally identified, with_error, named, left_out;
  double worst_of_all = 0;
  fmt::print("{:22} | {:26} | {:26} | {:26} | {:26} | {:26} | named | left out\n", "planted", "compute", "memory",
             "per_step us", "per_sequence us", "per_request ms");
  for (const Trial& trial : forty_trials(7200)) {
    const TrialOutcome outcome = run_trial(trial);
    std::string line = fmt::format("{:22}", trial.name);
    for (const TrialTerm& t : outcome.terms) {
      if (t.identified()) identified.count(t.right());
      if (t.standard_error > 0) with_error.count(t.right());
      if (t.name != "per_allreduce" && t.name != "kv_blocks") line += fmt::format(" | {:26}", shown(t));
    }
    const bool all_named = names_all(outcome.explanations, trial.truth);
    if (trial.truth.size() == 1) named.count(all_named);
    double worst = 0;
    for (const double ratio : outcome.held_out) {
      worst = std::max(worst, std::abs(ratio - 1));
      left_out.count(std::abs(ratio - 1) <= 0.05);
    }
    worst_of_all = std::max(worst_of_all, worst);
    fmt::print("{} | {:5} | {}\n", line, all_named ? "yes" : "no",
               worst > 0 ? fmt::format("{:.1f} %", worst * 100) : "");
    std::fflush(stdout);
  }
  fmt::print("identified terms within two standard errors: {} of {}; all with an error: {} of {}\n", identified.right,
             identified.said, with_error.right, with_error.said);
  fmt::print("a single planted term among the explanations: {} of {}\n", named.right, named.said);
  fmt::print("mean latencies of left-out loads within 5 %: {} of {}, the worst {:.1f} % off\n", left_out.right,
             left_out.said, worst_of_all * 100);
  EXPECT_GE(identified.said, 12) << "a fit that never commits itself is always right";
  EXPECT_GE(identified.right, 0.9 * identified.said);
  EXPECT_GE(with_error.right, 0.9 * with_error.said);
  EXPECT_GE(named.right, 0.9 * named.said);
  EXPECT_GE(left_out.right, 0.95 * left_out.said);
}

}  // namespace
}  // namespace foretoken
