// Measurements of something else than the scenario: contradictions are errors, doubts are warnings, and extreme ones
// crash nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/calibration/calibrate.hpp"
#include "report/calibration_report.hpp"
#include "support/temporary_file.hpp"
#include "unit/measurement/synthetic_results.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char* const kForeignBase =
    "version: 1\nmodel: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n"
    "workload: {num_prompts: 60, request_rate: 8, random_input_len: 512, random_output_len: 32}\n";

Json figures() {
  Json json = to_vllm_json(run_scenario(parse_scenario(kForeignBase, "base.yaml", {}).value()).value());
  json["model_id"] = "meta-llama/Llama-3.1-8B";
  return json;
}

Json with(Json json, const std::string& key, Json value) {
  json[key] = std::move(value);
  return json;
}

Result<CalibrationResult> calibrated(const Json& json, std::vector<std::string> overrides = {},
                                     const std::string& scenario = kForeignBase) {
  const TemporaryFile file(to_text(json), ".json");
  CalibrationOptions options;
  options.terms = {"memory_efficiency_scale"};
  return calibrate({scenario, "base.yaml"}, {{file.path(), std::move(overrides)}}, options);
}

std::string errors_of(const Result<CalibrationResult>& result) {
  return result ? std::string("no error") : format(result.error());
}

std::vector<std::string> warnings_of(const Result<CalibrationResult>& result) {
  if (!result) throw std::runtime_error(format(result.error()));
  return result->warnings;
}

bool fits_without_doubt(const Result<CalibrationResult>& result) {
  for (const std::string& w : warnings_of(result)) {
    if (!w.starts_with("the defaults explain")) return false;
  }
  return true;
}

TEST(ForeignMeasurements, OfAnotherModelAreRefused) {
  EXPECT_THAT(errors_of(calibrated(with(figures(), "model_id", "Qwen/Qwen3-32B"))),
              HasSubstr("it was measured with Qwen/Qwen3-32B; the scenario has Llama-3.1-8B"));
  EXPECT_TRUE(fits_without_doubt(calibrated(figures())));
  EXPECT_THAT(warnings_of(calibrated(with(figures(), "model_id", "/models/checkpoint-7"))),
              Contains(HasSubstr("was measured with /models/checkpoint-7")));
}

TEST(ForeignMeasurements, OfOtherLengthsAreRefused) {
  EXPECT_THAT(errors_of(calibrated(with(figures(), "total_input_tokens", 60 * 256))),
              HasSubstr("256 input tokens per request were measured; the scenario has 512"));
  EXPECT_THAT(errors_of(calibrated(with(figures(), "total_output_tokens", 60 * 64))), HasSubstr("64 output tokens"));
  EXPECT_THAT(warnings_of(calibrated(with(figures(), "total_input_tokens", 60 * 530))),
              Contains(HasSubstr("530 input tokens")));
  // What the file is said to have been sent settles it.
  EXPECT_EQ(errors_of(calibrated(with(figures(), "total_input_tokens", 60 * 256), {"workload.random_input_len=256"})),
            "no error");
}

TEST(ForeignMeasurements, ThatContradictWhatTheyAreTakenForAreRefused) {
  EXPECT_THAT(errors_of(calibrated(figures(), {"workload.request_rate=4"})),
              HasSubstr("the file says workload.request_rate=8, and was given workload.request_rate=4"));
  EXPECT_EQ(errors_of(calibrated(figures(), {"workload.request_rate=8.0"})), "no error");
  EXPECT_THAT(errors_of(calibrated(with(figures(), "completed", 90))), HasSubstr("it counts 90 completed"));
  EXPECT_THAT(warnings_of(calibrated(with(figures(), "completed", 55))), Contains(HasSubstr("counts 55 completed")));
}

TEST(ForeignMeasurements, OfAnotherEngineAreRefusedOrDoubted) {
  EXPECT_THAT(warnings_of(calibrated(with(figures(), "backend", "sglang"))), Contains(HasSubstr("backend sglang")));
  const auto requests =
      test::serve(parse_scenario(kForeignBase, "base.yaml", {}).value(), [](std::size_t) { return 1.0; });
  const test::RecordedFolder folder(requests);  // of vllm 0.19.0
  const auto recorded = [&](const std::string& engine) {
    return calibrate({std::string(kForeignBase) + engine, "base.yaml"}, {{folder.path(), {}}}, {});
  };
  EXPECT_THAT(errors_of(recorded("engine: {version: \"0.15\"}\n")),
              HasSubstr("the recorded run has engine.version=0.19, the scenario 0.15"));
  EXPECT_EQ(errors_of(recorded("engine: {version: \"0.19\"}\n")), "no error");
}

// Figures far below what the model can do push every term to its bound.
TEST(ForeignMeasurements, FarAboveAnySpeedEndAtABoundWithoutACrash) {
  for (
      const char* content :
      {R"({"request_count": {"avg": 60}, "inter_token_latency": {"unit": "ms", "p50": 1}, "request_latency": {"unit": "ms", "avg": 400}})",
       R"({"request_count": {"avg": 60}, "request_latency": {"unit": "ms", "avg": 2}})",
       R"({"request_count": {"avg": 60}, "request_latency": {"unit": "ms", "avg": 2e9}})",
       R"({"request_count": {"avg": 1}, "time_to_first_token": {"unit": "ns", "avg": 1}, "request_latency": {"unit": "s", "avg": 1e6}})"}) {
    const TemporaryFile file(content, ".json");
    const Result<CalibrationResult> result = calibrate({kForeignBase, "base.yaml"}, {{file.path(), {}}}, {});
    ASSERT_TRUE(result) << content << format(result.error());
    for (const CalibrationTerm& t : result->terms) {
      EXPECT_TRUE(std::isfinite(t.value) && std::isfinite(t.standard_error)) << content << " " << t.name;
      EXPECT_GE(t.value, t.least) << content << " " << t.name;
      EXPECT_LE(t.value, t.most) << content << " " << t.name;
    }
    EXPECT_FALSE(to_text(*result, {}).empty());
  }
}

TEST(Calibrate, EndsWithoutTermsWhenItIsInterruptedEarly) {
  const TemporaryFile file(to_text(figures()), ".json");
  const std::atomic<bool> stop{true};
  CalibrationOptions options;
  options.stop = &stop;
  const Result<CalibrationResult> result = calibrate({kForeignBase, "base.yaml"}, {{file.path(), {}}}, options);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->interrupted);
  EXPECT_THAT(result->terms, IsEmpty());
}

}  // namespace
}  // namespace foretoken
