// Figures of a made-up machine beside those predicted for it and for another.
#include "measurement/validation/validate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/validation_report.hpp"
#include "support/temporary_file.hpp"
#include "unit/measurement/synthetic_results.hpp"

namespace foretoken {
namespace {

using test::RecordedFolder;
using test::TemporaryFile;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const kValidated =
    "version: 1\nmodel: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n"
    "workload: {num_prompts: 200, request_rate: 8, random_input_len: 512, random_output_len: 64,"
    " random_range_ratio: 0.3}\n";

Scenario validated_with(std::vector<std::string> overrides) {
  return parse_scenario(kValidated, "base.yaml", {std::move(overrides), {}}).value();
}

// As vllm bench serve writes it without single requests.
Json figures_of(std::vector<std::string> overrides) {
  return to_vllm_json(run_scenario(validated_with(std::move(overrides))).value());
}

Result<ValidationResult> validated(const std::string& path, std::vector<std::string> overrides = {},
                                   ValidationOptions options = {}) {
  return validate({kValidated, "base.yaml"}, {{path, std::move(overrides)}}, options);
}

ValidationResult validated(const Json& json) {
  const TemporaryFile file(to_text(json), ".json");
  Result<ValidationResult> result = validated(file.path());
  if (!result) throw std::runtime_error(format(result.error()));
  return *result;
}

const ValidatedFigure& figure(const ValidationResult& result, const std::string& metric) {
  for (const ValidatedFigure& f : result.runs.at(0).figures) {
    if (f.metric == metric) return f;
  }
  throw std::runtime_error("no figure " + metric);
}

TEST(Validate, FindsEveryFigureOfTheFileAndNoErrorBeyondChanceInItsOwnPrediction) {
  const Json json = figures_of({"seed=7"});
  const ValidationResult result = validated(json);
  for (const char* metric : {"mean_ttft_ms", "median_tpot_ms", "p95_e2el_ms", "p99_itl_ms", "request_throughput",
                             "output_throughput", "total_token_throughput"}) {
    double measured = 0;
    ASSERT_TRUE(json[metric].number(measured)) << metric;
    EXPECT_EQ(figure(result, metric).measured, measured) << metric;
  }
  int outside_chance = 0;
  for (const ValidatedFigure& f : result.runs[0].figures) {
    EXPECT_EQ(f.inside_model(), true) << f.metric;
    outside_chance += f.inside_chance().value_or(true) ? 0 : 1;
  }
  EXPECT_LE(outside_chance, 4) << "of " << result.runs[0].figures.size() << ", each outside in 5 % of the cases";
  EXPECT_LT(std::abs(result.worst().figure->error()), 0.35);
  EXPECT_THAT(to_text(result, std::nullopt, {}), HasSubstr("all inside what the model's measured errors allow"));
}

// Twice as slow as predicted: further off than whole runs have been.
TEST(Validate, SaysWhichFiguresLieOutsideTheBands) {
  const ValidationResult result = validated(figures_of({"cost.scale=3"}));
  const ValidatedFigure& tpot = figure(result, "mean_tpot_ms");
  EXPECT_EQ(tpot.inside_model(), false) << tpot.model_low << " to " << tpot.model_high << ", " << tpot.measured;
  EXPECT_EQ(tpot.inside_chance(), false);
  EXPECT_LT(tpot.error(), -0.4);
  EXPECT_THAT(to_text(result, 0.1, {}), HasSubstr("OUTSIDE what the model's measured errors allow"));
  EXPECT_THAT(to_text(result, 0.1, {}), HasSubstr("✗ broken --within 10.0 %"));
  EXPECT_THAT(to_text(result, 0.1, {}), HasSubstr("foretoken calibrate"));
  EXPECT_EQ(to_json(result, 0.1)["kept"], Json(false));
}

TEST(Validate, ReplaysRecordedSendsWithoutChance) {
  const RecordedFolder folder(test::serve(validated_with({}), [](std::size_t) { return 1.0; }));
  const Result<ValidationResult> result = validated(folder.path());
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_EQ(result->runs[0].replications, 1);
  const ValidatedFigure& ttft = figure(*result, "p99_ttft_ms");
  EXPECT_FALSE(ttft.inside_chance());
  EXPECT_TRUE(ttft.inside_model());
  EXPECT_THAT(result->runs[0].boundaries, Contains(HasSubstr("no chance is left")));
}

TEST(Validate, ReadsTheFiguresOfEveryTool) {
  const auto requests = test::serve(validated_with({}), [](std::size_t) { return 1.0; });
  const std::pair<std::string, const char*> files[] = {{to_text(test::vllm_detailed(requests)), "vllm bench serve"},
                                                       {to_text(test::sglang_line(requests), 0), "bench_serving"},
                                                       {to_text(test::guidellm_report(requests)), "GuideLLM"},
                                                       {test::aiperf_records(requests), "AIPerf"}};
  for (const auto& [text, tool] : files) {
    const TemporaryFile file(text, ".json");
    const Result<ValidationResult> result = validated(file.path(), {"engine.name=vllm-v1"});
    ASSERT_TRUE(result) << tool << format(result.error());
    EXPECT_LT(std::abs(figure(*result, "mean_tpot_ms").error()), 0.02) << tool;
    EXPECT_LT(std::abs(figure(*result, "median_e2el_ms").error()), 0.1) << tool;
    EXPECT_THAT(result->runs[0].boundaries, Contains(HasSubstr(tool)));
  }
}

TEST(Validate, SaysWhereTheTwoDoNotMeasureTheSame) {
  Json json = figures_of({});
  json["failed"] = 3;
  json["completed"] = 197;
  const ValidationResult result = validated(json);
  const std::string text = to_text(result, std::nullopt, {});
  for (const char* words :
       {"clock: the client's", "warm-up: vllm bench serve", "(E2E - TTFT) / (N - 1)", "linear between two values",
        "workload.vllm_rescale=true", "3 of 200 are in no measured figure"})
    EXPECT_THAT(text, HasSubstr(words));
}

TEST(Validate, RefusesMeasurementsOfSomethingElse) {
  Json json = figures_of({});
  json["model_id"] = "Qwen/Qwen3-32B";
  const TemporaryFile other(to_text(json), ".json");
  const Result<ValidationResult> model = validated(other.path());
  ASSERT_FALSE(model);
  EXPECT_THAT(format(model.error()), HasSubstr("it was measured with Qwen/Qwen3-32B"));
  const TemporaryFile longer(to_text(figures_of({"workload.random_input_len=2048"})), ".json");
  const Result<ValidationResult> lengths = validated(longer.path());
  ASSERT_FALSE(lengths);
  EXPECT_THAT(format(lengths.error()), HasSubstr("input tokens per request were measured"));
  const Result<ValidationResult> missing = validated(std::string("/no/such/file.json"));
  ASSERT_FALSE(missing);
  const TemporaryFile doubtful(to_text(figures_of({"workload.random_input_len=540"})), ".json");
  const Result<ValidationResult> doubt = validated(doubtful.path());
  ASSERT_TRUE(doubt) << format(doubt.error());
}

TEST(Validate, HasNoBandWhereNoHardwareIsPredicted) {
  const TemporaryFile file(to_text(figures_of({"cost.level=datasheet"})), ".json");
  const Result<ValidationResult> result =
      validate({kValidated, "base.yaml", {{"cost.level=datasheet"}}}, {{file.path(), {}}});
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_FALSE(figure(*result, "mean_tpot_ms").inside_model());
  EXPECT_THAT(to_text(*result, std::nullopt, {}), HasSubstr("errors of this cost level were never"));
}

TEST(Validate, KeepsNothingWhenItIsInterruptedEarly) {
  const TemporaryFile file(to_text(figures_of({})), ".json");
  const std::atomic<bool> stop{true};
  ValidationOptions options;
  options.stop = &stop;
  const Result<ValidationResult> result = validated(file.path(), {}, options);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->interrupted);
  EXPECT_THAT(to_text(*result, 0.1, {}), HasSubstr("interrupted"));
}

TEST(Validate, GivesTheSameBytesOnAnyNumberOfThreads) {
  const TemporaryFile file(to_text(figures_of({"seed=3"})), ".json");
  ValidationOptions one, four;
  one.threads = 1;
  four.threads = 4;
  EXPECT_EQ(to_text(to_json(validated(file.path(), {}, one).value(), 0.1)),
            to_text(to_json(validated(file.path(), {}, four).value(), 0.1)));
}

TEST(ForeignResults, AreToldFromScenariosAndStoredResults) {
  EXPECT_TRUE(is_foreign_result({to_text(figures_of({})), "a.json"}));
  EXPECT_TRUE(is_foreign_result({R"({"time_to_first_token": {"avg": 1}})", "a.json"}));
  EXPECT_FALSE(is_foreign_result({kValidated, "base.yaml"}));
  EXPECT_FALSE(is_foreign_result({R"({"schema": "foretoken.run/1"})", "a.json"}));
  EXPECT_FALSE(is_foreign_result({"{broken", "a.json"}));
  EXPECT_FALSE(is_foreign_result({"", "a.json"}));
}

}  // namespace
}  // namespace foretoken
