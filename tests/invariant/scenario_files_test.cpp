// The invariants on every scenario of the repository and every point of its sweeps, with at
// most a few hundred requests. A new file is covered as it stands.
#include "support/scenario_files.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "support/invariants.hpp"

namespace foretoken::test {
namespace {

using ::testing::IsEmpty;

constexpr std::int64_t kMostRequests = 300;

Scenario load(const std::string& path, std::vector<std::string> overrides) {
  Result<Scenario> scenario = load_scenario(path, {std::move(overrides), {}});
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  // Twice round is enough for a closed loop of few clients, whose steps are many.
  std::int64_t& requests =
      scenario->workload.num_prompts.emplace(scenario->workload.num_prompts.value_or(kMostRequests));
  const std::int64_t clients = scenario->workload.max_concurrency.value_or(kMostRequests);
  requests = std::min({requests, kMostRequests, std::max<std::int64_t>(20, 2 * clients)});
  scenario->replications = 1;
  return std::move(*scenario);
}

// The scenario at every point of its sweep that fits; itself when there is none.
std::vector<Scenario> points_of(const std::string& path) {
  std::vector<std::vector<std::string>> points{{}};
  for (const SweepAxis& axis : load(path, {}).sweep) {
    std::vector<std::vector<std::string>> longer;
    for (const auto& point : points) {
      for (const std::string& value : axis.values) {
        longer.push_back(point);
        longer.back().push_back(axis.path + "=" + value);
      }
    }
    points = std::move(longer);
  }
  std::vector<Scenario> scenarios;
  for (const auto& point : points) {
    Scenario scenario = load(path, point);
    const bool affine = scenario.deployment.level == CostLevel::affine;
    if (affine || plan_memory(scenario.deployment, scenario.memory).fits) scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

RunLog log_of(const Scenario& scenario, RequestSource& source, bool every_step) {
  SimulationConfig config;
  config.engine = scenario.engine;
  config.engine.per_request = config.engine.per_prompt_token = {};  // the checkers know of the scheduler alone
  config.cluster = scenario.cluster;
  config.every_step = every_step;
  return logged_run(config, source, *make_cost_model(scenario.deployment));
}
RunLog log_of(const Scenario& scenario, bool every_step) {
  return log_of(scenario, *make_request_source(scenario.workload, scenario.seed).value(), every_step);
}

std::string json_of(const Scenario& scenario) {
  const Result<RunResult> result = run_scenario(scenario);
  return to_text(to_json(result.value()));
}

class ScenarioFiles : public ::testing::TestWithParam<std::string> {
 protected:
  const std::vector<Scenario> points_ = points_of(GetParam());
};

TEST_P(ScenarioFiles, KeepTheInvariantsInStretchesAndStepByStep) {
  ASSERT_FALSE(points_.empty()) << "no point of the scenario fits";
  std::size_t events = 0;
  for (const Scenario& point : points_) {
    for (const bool every_step : {false, true}) {
      const RunLog log = log_of(point, every_step);
      events += log.events.size();
      EXPECT_GT(log.outcome.finished, 0);
      EXPECT_THAT(violations_of(log), IsEmpty()) << to_text(to_json(point)) << (every_step ? ", every step" : "");
    }
  }
  std::cout << points_.size() << " points, " << events << " events\n";
}

TEST_P(ScenarioFiles, Inv6GiveTheSameBytesForTheSameSeed) {
  for (const Scenario* point : {&points_.front(), &points_.back()}) {
    const std::string once = json_of(*point);
    EXPECT_THAT(inv_6_same_seed_same_bytes(once, json_of(*point)), IsEmpty());
  }
}

// Where the seed changes no request (a trace, fixed lengths at once) it must not matter at all.
TEST_P(ScenarioFiles, Inv6GiveOtherBytesForAnotherSeedWhereTheWorkloadIsRandom) {
  Scenario other = points_.front();
  ++other.seed;
  const RunLog one = log_of(points_.front(), false);
  const RunLog two = log_of(other, false);
  const auto requests = [](const RunLog& log) {
    std::string text;
    for (const RequestRecord& r : finished(log)) {
      text += fmt::format("{} {} {} {};", r.request.index, r.request.prompt_tokens, r.request.output_tokens,
                          r.request.arrival.time_since_epoch().count());
    }
    return text;
  };
  const bool differ = requests(one) != requests(two);
  EXPECT_EQ(text_of(one) != text_of(two), differ);
  const auto* renewal = std::get_if<RenewalArrivals>(&other.workload.arrivals);
  const bool random_arrivals = renewal != nullptr && std::isfinite(renewal->burstiness);
  EXPECT_TRUE(differ || !random_arrivals) << "random arrivals, one outcome";
}

TEST_P(ScenarioFiles, Inv9DecideNothingByOutputLengthsThatNobodyHasSeen) {
  for (const Scenario* point : {&points_.front(), &points_.back()}) {
    // The requests as they came, as an open loop with more room than each needs.
    std::vector<Request> requests;
    for (const RequestRecord& r : finished(log_of(*point, false))) {
      requests.push_back(r.request);
      requests.back().max_tokens = 2 * r.request.output_tokens;
    }
    std::sort(requests.begin(), requests.end(), [](const Request& a, const Request& b) { return a.index < b.index; });
    for (std::size_t i = 0; i < requests.size(); ++i) requests[i].index = static_cast<std::int64_t>(i);
    const RunLog log = log_of(*point, *make_fixed_source(requests), true);
    const std::vector<RequestRecord> done = finished(log);
    const TimePoint until = done[done.size() / 2].finish;
    for (const RequestRecord& r : done) {
      Request& request = requests[static_cast<std::size_t>(r.request.index)];
      if (r.finish > until) request.output_tokens = r.first_token > until ? 1 : request.max_tokens;
    }
    const RunLog changed = log_of(*point, *make_fixed_source(requests), true);
    EXPECT_THAT(inv_9_no_oracle(log, changed, until), IsEmpty());
  }
}

// Every level prices every scenario; with none may a step beat the data sheet.
TEST_P(ScenarioFiles, Inv10KeepTheDatasheetBoundAtEveryCostLevel) {
  Scenario point = points_.front();
  ASSERT_NE(point.deployment.level, CostLevel::affine) << "no scenario of the repository is without hardware";
  point.workload.num_prompts = 40;
  for (const CostLevel level : {CostLevel::datasheet, CostLevel::roofline, CostLevel::calibrated}) {
    point.deployment.level = level;
    EXPECT_THAT(inv_10_no_step_beats_the_datasheet(log_of(point, true)), IsEmpty()) << static_cast<int>(level);
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& scenario) {
  std::string name = std::filesystem::path(scenario.param).stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(OfTheRepository, ScenarioFiles, ::testing::ValuesIn(scenario_files()), test_name);

}  // namespace
}  // namespace foretoken::test
