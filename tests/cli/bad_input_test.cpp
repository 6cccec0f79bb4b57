// The catalogue of bad inputs against the program itself: its exit code, its words, and
// nothing on standard output that a reader could take for a result.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/program.hpp"
#include "support/bad_input_cases.hpp"
#include "test_paths.hpp"

namespace foretoken::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> command_for(const BadInputCase& bad, const std::string& path) {
  std::vector<std::string> arguments{"run", path};
  for (const std::string& text : bad.overrides) {
    arguments.push_back("--set");
    arguments.push_back(text);
  }
  return arguments;
}

// The source excerpt and line breaks aside, what a diagnosis says reaches the user as it is.
void expect_words(const BadInputCase& bad, const std::string& err) {
  for (const ExpectedProblem& problem : bad.problems) {
    for (const std::string& words : problem.words) EXPECT_THAT(err, HasSubstr(words));
    if (problem.line > 0 && problem.column > 0) {
      EXPECT_THAT(err, HasSubstr(fmt::format("scenario.yaml:{}:{}: {}", problem.line, problem.column,
                                             problem.warning ? "warning" : "error")));
    }
  }
}

TEST(BadInputOnTheCommandLine, ExitsWithItsCodeAndSaysWhatIsWrong) {
  const TemporaryFolder folder;
  for (const BadInputCase& bad : read_bad_input_cases(std::string(FORETOKEN_SOURCE_DIR) + "/tests/cli/bad_input.txt")) {
    SCOPED_TRACE(bad.title);
    const std::string path = write_files(bad, folder.path("case")).string();
    const ProcessResult result = foretoken_program(command_for(bad, path));
    EXPECT_EQ(result.exit_code, bad.exit_code) << result.err;
    if (bad.exit_code == 2) {
      EXPECT_EQ(result.out, "");
    }
    expect_words(bad, result.err);
  }
}

}  // namespace
}  // namespace foretoken::testing
