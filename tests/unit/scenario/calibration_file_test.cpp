// A calibration file stands in for defaults, and says itself what is wrong with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;
using ::testing::HasSubstr;

constexpr const char* kBase = "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n";

Result<Scenario> with(const TemporaryFile& fit, Diagnostics* warnings = nullptr) {
  return parse_scenario(kBase, "base.yaml", {{"cost.calibration=" + fit.path()}, {}}, warnings);
}

TEST(CalibrationFile, ItsTermsAreDefaults) {
  const TemporaryFile fit(
      "foretoken_calibration: 1\n"
      "terms:\n  per_step: {value: 0.7 ms, standard_error: 10 us}\n  per_request: {value: 9 ms}\n"
      "  compute_efficiency_scale: {value: 1.1}\n  kv_blocks: {value: 4000}\n",
      ".yaml");
  const Scenario s = with(fit).value();
  EXPECT_DOUBLE_EQ(s.deployment.overhead.per_step, 0.7e-3);
  EXPECT_EQ(s.engine.per_request, std::chrono::milliseconds(9));
  EXPECT_DOUBLE_EQ(s.deployment.efficiency.compute, 1.1);
  EXPECT_EQ(s.engine.num_gpu_blocks, 4000);
  for (const ResolvedField& f : s.fields) {
    if (f.path != "cost.per_step") continue;
    EXPECT_EQ(f.where.file, fit.path());
    EXPECT_EQ(f.where.line, 3);
  }
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(CalibrationFile, SaysWhereItIsWrong) {
  const Bad cases[] = {
      {"terms: {}\n", ":1:1: error: not a calibration file"},
      {"foretoken_calibration: 2\nterms: {}\n", ":1:24: error: 'foretoken_calibration' is '2'"},
      {"foretoken_calibration: 1\n", "'terms' is missing"},
      {"foretoken_calibration: 1\nterms:\n  per_stp: {value: 1 us}\n", ":3:3: error: unknown term 'per_stp'"},
      {"foretoken_calibration: 1\nterms:\n  per_stp: {value: 1 us}\n", "did you mean 'per_step'?"},
      {"foretoken_calibration: 1\nterm: {}\nterms: {}\n", "unknown key 'term'"},
      {"foretoken_calibration: 1\nterms:\n  per_step: 5 us\n", "must be a map with a 'value'"},
      {"foretoken_calibration: 1\nterms:\n  per_step: {values: 5 us}\n", "did you mean 'value'?"},
      {"foretoken_calibration: 1\nterms:\n  per_step: {value: fast}\n", ":3:21: error"},
      {"foretoken_calibration: 1\nterms:\n  per_step: {value: -3 us}\n", ":3:21: error"},
      {"foretoken_calibration: 1\nterms:\n  memory_efficiency_scale: {value: .nan}\n", ":3:36: error"},
      {"foretoken_calibration: 1\nterms: [\n", "error"},
  };
  for (const Bad& bad : cases) {
    const TemporaryFile fit(bad.text, ".yaml");
    const Result<Scenario> s = with(fit);
    ASSERT_FALSE(s) << bad.text;
    EXPECT_THAT(format(s.error()), HasSubstr(bad.message)) << bad.text;
  }
  const Result<Scenario> missing = parse_scenario("cost: {calibration: none.yaml}\n", "dir/base.yaml", {});
  ASSERT_FALSE(missing);
  EXPECT_THAT(format(missing.error()), HasSubstr("dir/base.yaml:1:21: error: dir/none.yaml"));
}

TEST(CalibrationFile, WarnsOnAnotherDeployment) {
  const TemporaryFile fit(
      "foretoken_calibration: 1\ndeployment: {gpu: a100_sxm, model: Llama-3.1-8B}\nterms: {per_step: {value: 1 ms}}\n",
      ".yaml");
  Diagnostics warnings;
  ASSERT_TRUE(with(fit, &warnings));
  EXPECT_THAT(format(warnings), HasSubstr("fitted on gpu a100_sxm; this scenario has h100_sxm"));
}

}  // namespace
}  // namespace foretoken
