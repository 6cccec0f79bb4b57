// Wrong values of every key, keys that are paths, ranges without end: refused in words, at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/field_table.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

constexpr const char* kText = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 256, random_output_len: 32, num_prompts: 300, request_rate: 10}
)";

std::string answer(const std::string& text, const LoadOptions& options = {}) {
  Diagnostics warnings;
  const Result<Scenario> scenario = parse_scenario(text, "hostile.yaml", options, &warnings);
  return scenario ? "accepted\n" + format(warnings) : format(scenario.error());
}

TEST(HostileValues, OfEveryKeyAreTakenOrRefused) {
  for (const Field& field : scenario_fields()) {
    std::string path(field.path);
    if (const auto list = path.find("[]"); list != std::string::npos) path.insert(list + 1, "0");
    for (const char* value : {"x", "-1", "1e400", "[]", "[x, 1]", "{}", "{a: b}", "''", "true", "1 furlong", "null"}) {
      LoadOptions options;
      options.overrides = {"workload.classes=[{name: a}]", path + "=" + value};
      EXPECT_NO_THROW(EXPECT_FALSE(answer(kText, options).empty())) << path << "=" << value;
    }
  }
}

TEST(HostileValues, AWrongRampIsRefusedAsAnyChoiceIs) {
  LoadOptions options;
  options.overrides = {"workload.request_rate=null", "workload.ramp_up_strategy=lin"};
  EXPECT_THAT(answer(kText, options),
              HasSubstr("'workload.ramp_up_strategy' must be one of linear, exponential; got 'lin'"));
  options.overrides = {"workload.request_rate=null", "workload.ramp_up_strategy=linear"};
  EXPECT_THAT(answer(kText, options), HasSubstr("'workload.ramp_up_start_rps' is missing"));
}

TEST(HostileValues, AKeyThatIsAPathIsAnErrorAndNotDropped) {
  const std::string said = answer(std::string(kText) + "engine.max_num_seqs: 1\n");
  EXPECT_THAT(said, HasSubstr("error: 'engine.max_num_seqs' is a path, not a key"));
  EXPECT_THAT(said, HasSubstr("write engine: {max_num_seqs: ...}"));
}

TEST(HostileValues, TagsOnMapsAndListsAreRefusedAsOnScalars) {
  for (const char* line :
       {"engine: !!python/object:os.system {max_num_seqs: 4}", "slo: !!seq [p99_ttft <= 500 ms]", "seed: !!int 3"})
    EXPECT_THAT(answer(std::string(kText) + line + "\n"), HasSubstr("tags (")) << line;
}

TEST(HostileValues, ControlCharactersAreRefusedAndSpelledOut) {
  const std::string said = answer(std::string(kText) + "description: \"red \\e[31m\"\n");
  EXPECT_THAT(said, HasSubstr("a control character in a value: red \\x1b["));
  EXPECT_THAT(answer(std::string(kText) + "description: \"c1 \\x9b31m\"\n"), HasSubstr("control character"));
  EXPECT_THAT(answer(std::string(kText) + "description: |\n  two\n  lines\n"), HasSubstr("accepted"));
  EXPECT_THAT(answer(std::string("description: \"dos\"\r\n") + kText), HasSubstr("accepted"));
}

TEST(HostileValues, AQuoteThatIsNeverClosedIsAnError) {
  for (const char* end : {"description: \"abc", "description: 'abc", "description: \"abc\n\n"})
    EXPECT_THAT(answer(std::string(kText) + end), HasSubstr("the text ends inside a quoted value")) << end;
  EXPECT_THAT(answer(std::string(kText) + "description: abc"), HasSubstr("accepted"));
}

TEST(HostileValues, NamesOfClassesStandInTheCellsOfTables) {
  const auto named = [](const std::string& name) {
    LoadOptions options;
    options.overrides = {"workload.classes=[{name: " + name + "}]"};
    return answer(kText, options);
  };
  for (const char* name : {"\"=1+1\"", "\"@x\"", "\"+1\"", "\"two\\nlines\""})
    EXPECT_THAT(named(name), HasSubstr("is no name")) << name;
  EXPECT_THAT(named("chat"), HasSubstr("accepted"));
}

TEST(HostileValues, ReplicasDerivedFromGpusHaveTheLimitOfReplicas) {
  LoadOptions options;
  options.overrides = {"hardware.num_gpus=1000000"};
  EXPECT_THAT(answer(kText, options),
              HasSubstr("1000000 GPUs are 1000000 replicas of 1; at most 100000 are simulated"));
}

TEST(HostileValues, GpusInAllHaveTheirLimitToo) {
  LoadOptions options;
  options.overrides = {"replicas=100000", "engine.tensor_parallel_size=32", "engine.pipeline_parallel_size=32"};
  EXPECT_THAT(answer(kText, options), HasSubstr("100000 replicas of 1024 GPUs are 102400000 GPUs"));
}

// A name costs a search of the catalog, and the range has a thousand million of them.
TEST(HostileValues, ARangeWithoutEndIsRefusedBeforeItsValuesAreLookedAt) {
  LoadOptions options;
  options.over = {"hardware.gpu=1..1000000000"};
  EXPECT_THAT(answer(kText, options), HasSubstr("the lists make more than 100000 points"));
  options.over = {"hardware.gpu=1..100000"};
  const std::string said = answer(kText, options);
  std::size_t times = 0;
  for (auto at = said.find("error:"); at != std::string::npos; at = said.find("error:", at + 1)) ++times;
  EXPECT_GT(times, 0u);
  EXPECT_LE(times, 20u) << "the same for every value";
}

TEST(HostileValues, AnInlineGpuOfImpossibleFiguresIsDoubted) {
  LoadOptions options;
  options.overrides = {
      "hardware.gpu={name: g, vendor: NVIDIA, architecture: Blackwell, compute_units: 36, peak_dense: {bf16: 1 "
      "FLOP/s}, memory: {capacity: 160 GiB, bandwidth: 448 GB/s, l2_cache: 32 MB}}"};
  EXPECT_THAT(answer(kText, options), HasSubstr("bf16 FLOP per byte of memory traffic; real devices have"));
}

TEST(HostileValues, FilesThatAreReadAgainMustBeFiles) {
  LoadOptions options;
  for (const char* override_text : {"cost.calibration=/dev/zero", "cost.calibration=/"}) {
    options.overrides = {override_text};
    EXPECT_THAT(answer(kText, options), HasSubstr("error")) << override_text;
  }
}

}  // namespace
}  // namespace foretoken
