// The command line: help, versions, lists, and every way to call it wrongly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(CommandLine, PrintsItsVersionAndHelpOnStandardOutput) {
  const ProcessResult version = foretoken_program({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("foretoken "));
  const ProcessResult help = foretoken_program({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : {"run", "explain", "catalog", "schema"}) EXPECT_THAT(help.out, HasSubstr(command));
  const ProcessResult run_help = foretoken_program({"run", "--help"});
  EXPECT_EQ(run_help.exit_code, 0);
  EXPECT_THAT(run_help.out, HasSubstr("--save-requests"));
  EXPECT_THAT(run_help.err, IsEmpty());
}

TEST(CommandLine, RefusesWhatItDoesNotKnowWithExitCode2) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"rum"},
                                             {"run"},
                                             {"run", "x.yaml", "--fromat", "json"},
                                             {"run", "x.yaml", "--format", "xml"},
                                             {"run", "x.yaml", "-j", "-3"},
                                             {"run", "x.yaml", "--set"},
                                             {"catalog"},
                                             {"catalog", "gpu5"},
                                             {"run", "x.yaml", "y.yaml"}}) {
    const ProcessResult result = foretoken_program(arguments);
    EXPECT_EQ(result.exit_code, 2) << ::testing::PrintToString(arguments);
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_THAT(result.err, HasSubstr("error: "));
  }
}

TEST(CommandLine, SuggestsTheWordThatWasMeant) {
  EXPECT_THAT(foretoken_program({"explian", "x.yaml"}).err, HasSubstr("did you mean 'explain'"));
  EXPECT_THAT(foretoken_program({"run", "x.yaml", "--fromat", "json"}).err, HasSubstr("did you mean '--format'"));
}

TEST(Catalog, PrintsOneEntryALine) {
  const ProcessResult gpus = run_process({"/usr/bin/env", "COLUMNS=400", FORETOKEN_PROGRAM, "catalog", "gpus"}, {});
  EXPECT_EQ(gpus.exit_code, 0) << gpus.err;
  EXPECT_EQ(lines_of(gpus.out), 41u) << "titles, and a line for each of 40";
  EXPECT_THAT(gpus.out, HasSubstr("h100_sxm"));
  EXPECT_EQ(lines_of(run_process({"/usr/bin/env", "COLUMNS=400", FORETOKEN_PROGRAM, "catalog", "models"}, {}).out),
            88u);
  EXPECT_THAT(foretoken_program({"catalog", "links"}).out, HasSubstr("nvlink4"));
  EXPECT_THAT(foretoken_program({"catalog", "engines"}).out, HasSubstr("vllm-v1"));
  EXPECT_THAT(foretoken_program({"catalog", "routers"}).out, HasSubstr("round_robin"));
  EXPECT_THAT(foretoken_program({"catalog", "metrics"}).out, HasSubstr("request_throughput"));
}

TEST(Catalog, ShowsAnEntryWithItsSources) {
  const ProcessResult gpu = foretoken_program({"catalog", "gpus", "H100-SXM-80GB"});
  EXPECT_EQ(gpu.exit_code, 0) << gpu.err;
  EXPECT_THAT(gpu.out, HasSubstr("3.35 TB/s"));
  EXPECT_THAT(gpu.out, HasSubstr("sources"));
  EXPECT_EQ(foretoken_program({"catalog", "engines", "vllm-v1"}).exit_code, 0);
}

TEST(Catalog, SuggestsNames) {
  const ProcessResult gpu = foretoken_program({"catalog", "gpus", "h100_smx"});
  EXPECT_EQ(gpu.exit_code, 2);
  EXPECT_THAT(gpu.err, HasSubstr("h100_sxm"));
  const ProcessResult engine = foretoken_program({"catalog", "engines", "vlm-v1"});
  EXPECT_EQ(engine.exit_code, 2);
  EXPECT_THAT(engine.err, HasSubstr("did you mean 'vllm-v1'"));
}

TEST(Schema, IsJson) {
  const ProcessResult schema = foretoken_program({"schema"});
  EXPECT_EQ(schema.exit_code, 0);
  const Result<Json> json = parse_json(schema.out, "schema");
  ASSERT_TRUE(json);
  EXPECT_FALSE((*json)["properties"].is_null());
}

TEST(CommandLine, AReaderThatGoesAwayIsNoErrorAndAFullDiskIs) {
  ProcessOptions gone;
  gone.close_stdout_early = true;
  const ProcessResult pipe = foretoken_program({"catalog", "models"}, gone);
  EXPECT_EQ(pipe.exit_code, 0) << pipe.err;
  ASSERT_TRUE(std::filesystem::exists("/dev/full"));
  ProcessOptions full;
  full.stdout_path = "/dev/full";
  const ProcessResult disk = foretoken_program({"catalog", "models"}, full);
  EXPECT_EQ(disk.exit_code, 1);
  EXPECT_THAT(disk.err, HasSubstr("No space left"));
}

}  // namespace
}  // namespace foretoken
