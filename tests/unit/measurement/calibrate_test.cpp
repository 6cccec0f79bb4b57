// A made-up deployment writes result files; the fit must find what it was made of.
#include "measurement/calibration/calibrate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/calibration_report.hpp"
#include "support/temporary_file.hpp"
#include "unit/measurement/synthetic_results.hpp"

namespace foretoken {
namespace {

using test::RecordedFolder;
using test::TemporaryFile;
using ::testing::HasSubstr;

const char* const kBase =
    "version: 1\nmodel: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_num_seqs: 128}\n"
    "workload: {num_prompts: 200, request_rate: 8, input_lengths: {distribution: uniform, min: 50, max: 3000},"
    " output_lengths: {distribution: uniform, min: 20, max: 300}}\n";
// Memory at 90 %, 16 ms before the first schedule, 4 by default: one run tells these apart.
const std::vector<std::string> kTruth = {"cost.memory_efficiency_scale=0.9", "cost.per_request=16 ms"};
// And 0.9 ms a step instead of 0.3, which takes several loads.
const std::vector<std::string> kSlowTruth = {"cost.memory_efficiency_scale=0.9", "cost.per_step=900 us",
                                             "cost.per_request=16 ms"};

Scenario scenario_with(std::vector<std::string> overrides) {
  return parse_scenario(kBase, "base.yaml", {std::move(overrides), {}}).value();
}

std::vector<test::SyntheticRequest> exact(const std::vector<std::string>& truth = kTruth) {
  return test::serve(scenario_with(truth), [](std::size_t) { return 1.0; });
}

CalibrationOptions of_truth() {
  CalibrationOptions options;
  options.terms = {"memory_efficiency_scale", "per_request"};
  return options;
}

CalibrationResult calibrated(const std::vector<MeasuredFile>& files, const CalibrationOptions& options = of_truth()) {
  Result<CalibrationResult> result = calibrate({kBase, "base.yaml"}, files, options);
  if (!result) throw std::runtime_error(format(result.error()));
  return *result;
}

std::string errors_of(const std::vector<MeasuredFile>& files, const CalibrationOptions& options = {}) {
  const Result<CalibrationResult> result = calibrate({kBase, "base.yaml"}, files, options);
  return result ? std::string("no error") : format(result.error());
}

const CalibrationTerm& term(const CalibrationResult& result, const std::string& name) {
  for (const CalibrationTerm& t : result.terms) {
    if (t.name == name) return t;
  }
  throw std::runtime_error("no term " + name);
}

// Within four standard errors, which are at least those of latencies that repeat to 0.5 %.
void expect_near(const CalibrationResult& result, const std::string& name, double truth) {
  const CalibrationTerm& t = term(result, name);
  ASSERT_EQ(t.status, TermStatus::fitted) << name << ": " << t.reason;
  EXPECT_GT(t.standard_error, 0) << name;
  EXPECT_NEAR(t.value, truth, 4 * t.standard_error)
      << name << " = " << t.value << " +- " << t.standard_error << " " << t.unit << "; the truth is " << truth;
}

void expect_truth(const CalibrationResult& result) {
  expect_near(result, "memory_efficiency_scale", 0.9);
  expect_near(result, "per_request", 16);
  EXPECT_EQ(term(result, "per_step").reason, "not asked for");
  // Groups of 20 requests stray by a percent or two wherever one of them lands in another step.
  EXPECT_LT(result.rms_after, 0.025);
  EXPECT_GT(result.rms_before, 3 * result.rms_after);
  for (const CalibrationError& e : result.errors)
    EXPECT_NEAR(e.after / e.measured, 1, 0.02) << e.part << " " << e.latency;
}

TEST(Calibrate, RecoversTermsFromVllmResultsWithRequests) {
  const TemporaryFile file(to_text(test::vllm_detailed(exact())), ".json");
  const CalibrationResult result = calibrated({{file.path(), {}}});
  EXPECT_EQ(result.runs.at(0).format, "vllm");
  expect_truth(result);
  EXPECT_EQ(term(result, "per_allreduce").reason, "one GPU has no all-reduce");
}

TEST(Calibrate, RecoversTermsFromSglangLinesWithoutStartTimes) {
  const TemporaryFile file(to_text(test::sglang_line(exact()), 0) + "\n", ".jsonl");
  const CalibrationResult result = calibrated({{file.path(), {}}});
  EXPECT_EQ(result.runs.at(0).format, "sglang");
  expect_near(result, "per_request", 16);
  EXPECT_LT(result.rms_after, 0.01);
}

TEST(Calibrate, RecoversTermsFromGuideLlmReports) {
  const TemporaryFile file(to_text(test::guidellm_report(exact())), ".json");
  const CalibrationResult result = calibrated({{file.path(), {}}});
  EXPECT_EQ(result.runs.at(0).format, "guidellm");
  expect_truth(result);
}

TEST(Calibrate, RecoversTermsFromAiperfRecords) {
  const TemporaryFile file(test::aiperf_records(exact()), ".jsonl");
  const CalibrationResult result = calibrated({{file.path(), {}}});
  EXPECT_EQ(result.runs.at(0).format, "aiperf");
  expect_truth(result);
}

TEST(Calibrate, RecoversTermsFromARecordedRun) {
  const RecordedFolder folder(exact());
  const CalibrationResult result = calibrated({{folder.path(), {}}});
  EXPECT_EQ(result.runs.at(0).format, "replay");
  expect_truth(result);
}

TEST(Calibrate, RecoversTermsThroughNoiseWithinItsOwnStandardErrors) {
  std::mt19937 bits(7);
  std::vector<double> noise(200);
  for (double& n : noise) n = 0.9 + 0.2 * static_cast<double>(bits()) / 4294967296.0;  // +- 10 %, uniform
  const auto requests = test::serve(scenario_with(kTruth), [&](std::size_t i) { return noise[i]; });
  const TemporaryFile file(to_text(test::vllm_detailed(requests)), ".json");
  const CalibrationResult result = calibrated({{file.path(), {}}});
  expect_near(result, "memory_efficiency_scale", 0.9);
  expect_near(result, "per_request", 16);
  // Means of 20 requests with a scatter of 10 % / sqrt(3) stray by 1.3 %.
  EXPECT_LT(result.rms_after, 0.03);
}

// Two loads give figures only; each is predicted from the other.
TEST(Calibrate, FitsFiguresOfSeveralLoadsAndPredictsEachFromTheOthers) {
  std::vector<std::string> texts;
  for (const char* rate : {"workload.request_rate=2", "workload.request_rate=8", "workload.request_rate=14"}) {
    std::vector<std::string> overrides = kSlowTruth;
    overrides.emplace_back(rate);
    texts.push_back(to_text(to_vllm_json(run_scenario(scenario_with(overrides)).value())));
  }
  const TemporaryFile slow(texts[0], ".json"), usual(texts[1], ".json"), fast(texts[2], ".json");
  const CalibrationResult result = calibrated({{slow.path(), {}}, {usual.path(), {}}, {fast.path(), {}}}, {});
  expect_near(result, "per_request", 16);
  // At these loads a slower step looks much like slower memory: whatever is said of a term has its error, and holds the
  // truth.
  const std::pair<const char*, double> others[] = {
      {"memory_efficiency_scale", 0.9}, {"compute_efficiency_scale", 1}, {"per_step", 900}, {"per_sequence", 5}};
  for (const auto& [name, truth] : others) {
    const CalibrationTerm& t = term(result, name);
    EXPECT_TRUE(t.status == TermStatus::fitted || !t.reason.empty()) << name;
    if (t.standard_error > 0) {
      EXPECT_NEAR(t.value, truth, 2 * t.standard_error) << name << ": " << t.reason;
    }
  }
  EXPECT_EQ(term(result, "kv_blocks").status, TermStatus::kept) << "these loads never fill the KV cache";
  EXPECT_EQ(result.runs.at(2).load, "14 requests/s");
  EXPECT_LT(result.rms_after, 0.02);
  int held_out = 0;
  for (const CalibrationError& e : result.errors) {
    ASSERT_TRUE(e.held_out);
    EXPECT_NEAR(*e.held_out / e.measured, 1, 0.05) << e.run << " " << e.latency;
    EXPECT_GT(std::abs(e.before / e.measured - 1), std::abs(e.after / e.measured - 1)) << e.run << " " << e.latency;
    ++held_out;
  }
  EXPECT_EQ(held_out, 12);
}

TEST(Calibrate, FitsTheFirstRequestsAndPredictsTheRest) {
  const TemporaryFile file(to_text(test::vllm_detailed(exact())), ".json");
  CalibrationOptions options = of_truth();
  options.fit_first = 100;
  const CalibrationResult result = calibrated({{file.path(), {}}}, options);
  for (const CalibrationError& e : result.errors) {
    if (e.part == "the rest") {
      EXPECT_NEAR(e.held_out.value() / e.measured, 1, 0.02) << e.latency;
    }
  }
}

TEST(Calibrate, NamesTermsThatTheDataCannotTell) {
  // One prompt length, one at a time: nothing tells a step's cost from a sequence's.
  std::vector<std::string> lone = kTruth;
  lone.insert(lone.end(), {"workload.input_lengths=500", "workload.output_lengths=100", "workload.request_rate=0.2",
                           "workload.num_prompts=50"});
  const TemporaryFile file(to_text(test::vllm_detailed(exact(lone))), ".json");
  const CalibrationResult result = calibrated({{file.path(), {}}}, {});
  int kept = 0;
  for (const CalibrationTerm& t : result.terms) {
    if (t.status != TermStatus::kept) continue;
    ++kept;
    EXPECT_FALSE(t.reason.empty()) << t.name;
    EXPECT_EQ(t.value, t.default_value) << t.name;
  }
  EXPECT_GE(kept, 3);
  CalibrationOptions options;
  options.terms = {"per_allreduce"};
  EXPECT_THAT(errors_of({{file.path(), {}}}, options),
              HasSubstr("'per_allreduce' cannot be fitted: one GPU has no all-reduce"));
  options.terms = {"per_stp"};
  EXPECT_THAT(errors_of({{file.path(), {}}}, options), HasSubstr("did you mean 'per_step'?"));
}

TEST(Calibrate, WritesAFileThatAScenarioTakesItsDefaultsFrom) {
  const TemporaryFile file(to_text(test::vllm_detailed(exact())), ".json");
  const CalibrationResult result = calibrated({{file.path(), {}}});
  const TemporaryFile fit(to_calibration_file(result, "2026-11-24"), ".yaml");
  const Scenario s = scenario_with({"cost.calibration=" + fit.path(), "cost.per_step=1 ms"});
  EXPECT_NEAR(to_seconds(s.engine.per_request), term(result, "per_request").value * 1e-3, 1e-6);
  EXPECT_NEAR(s.deployment.efficiency.memory, term(result, "memory_efficiency_scale").value, 1e-4);
  EXPECT_EQ(s.deployment.overhead.per_step, 1e-3) << "what the scenario says wins";
  for (const ResolvedField& f : s.fields) {
    if (f.path == "cost.per_request") {
      EXPECT_EQ(f.where.file, fit.path()) << "explain says where it comes from";
    }
  }
}

TEST(Calibrate, GivesTheSameBytesOnAnyNumberOfThreads) {
  const TemporaryFile file(to_text(test::vllm_detailed(exact())), ".json");
  CalibrationOptions one = of_truth(), three = of_truth();
  one.threads = 1;
  three.threads = 3;
  EXPECT_EQ(to_text(to_json(calibrated({{file.path(), {}}}, one))),
            to_text(to_json(calibrated({{file.path(), {}}}, three))));
}

TEST(MeasuredFiles, TakeOverridesAfterAColon) {
  EXPECT_EQ(parse_measured_file("a.json").path, "a.json");
  const MeasuredFile file =
      parse_measured_file("c:/x:y.json:workload.request_rate=8,workload.input_lengths={tokens: 5},seed=3");
  EXPECT_EQ(file.path, "c:/x:y.json");
  EXPECT_THAT(file.overrides,
              ::testing::ElementsAre("workload.request_rate=8", "workload.input_lengths={tokens: 5}", "seed=3"));
  EXPECT_TRUE(parse_measured_file("a:b.json").overrides.empty());
}

}  // namespace
}  // namespace foretoken
