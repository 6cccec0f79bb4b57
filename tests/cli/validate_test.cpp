// foretoken validate on the files that it and other tools write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The simulator plays a machine with slower memory.
std::string measure(const TemporaryFolder& folder) {
  (void)folder.file("s.yaml", small_scenario());
  const ProcessResult r = foretoken_program({"run", folder.path("s.yaml"), "--set", "cost.memory_efficiency_scale=0.9",
                                             "--format", "vllm", "-o", folder.path("m.json")});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  return folder.path("m.json");
}

TEST(ValidateCommand, BeginsWithTheVerdictAndGatesByItsExitCode) {
  const TemporaryFolder folder;
  const std::string file = measure(folder);
  const ProcessResult plain = foretoken_program({"validate", folder.path("s.yaml"), "--measured", file});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, StartsWith("Within "));
  const ProcessResult kept =
      foretoken_program({"validate", folder.path("s.yaml"), "--measured", file, "--within", "80%"});
  EXPECT_EQ(kept.exit_code, 0) << kept.out;
  const ProcessResult broken =
      foretoken_program({"validate", folder.path("s.yaml"), "--measured", file, "--within", "0.1 %", "--json"});
  EXPECT_EQ(broken.exit_code, 99) << broken.out;
  EXPECT_THAT(broken.out, HasSubstr("\"kept\": false"));
}

TEST(ValidateCommand, RefusesWhatIsNoShare) {
  const TemporaryFolder folder;
  const std::string file = measure(folder);
  for (const char* within : {"10", "fast", "-5%", "0", "nan", "inf%", "%"}) {
    const ProcessResult r =
        foretoken_program({"validate", folder.path("s.yaml"), "--measured", file, "--within", within});
    EXPECT_EQ(r.exit_code, 2) << within;
    EXPECT_THAT(r.err, HasSubstr("write 10% or 0.1")) << within;
  }
}

TEST(ValidateCommand, IsWhereCompareSendsWhoeverHasAMeasurement) {
  const TemporaryFolder folder;
  const std::string file = measure(folder), scenario = folder.path("s.yaml");
  const ProcessResult one = foretoken_program({"compare", scenario, file});
  EXPECT_EQ(one.exit_code, 2);
  EXPECT_THAT(one.err, HasSubstr("foretoken validate " + scenario + " --measured " + file + "\n"));
  const ProcessResult two = foretoken_program({"compare", file, file});
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_THAT(two.err, HasSubstr("foretoken validate SCENARIO.yaml --measured " + file + " " + file));
}

TEST(ValidateCommand, IsWhatAFitIsJudgedBy) {
  const TemporaryFolder folder;
  const std::string file = measure(folder);
  const ProcessResult r = foretoken_program({"calibrate", folder.path("s.yaml"), "--measured", file, "--terms",
                                             "memory_efficiency_scale", "--save", folder.path("fit.yaml")});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("foretoken validate " + folder.path("s.yaml") +
                               " --set cost.calibration=" + folder.path("fit.yaml") + " --measured"));
}

}  // namespace
}  // namespace foretoken
