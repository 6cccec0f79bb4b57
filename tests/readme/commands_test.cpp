// Whoever types what the README and the scenario reference say gets what they promise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <sstream>

#include "readme/checkout.hpp"
#include "readme/markdown.hpp"
#include "support/process.hpp"
#include "test_paths.hpp"

namespace foretoken::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kSource = FORETOKEN_SOURCE_DIR;

// Pages whose commands are tried one by one. What pages show of their output: pages_test.cpp.
constexpr const char* kPages[] = {"README.md",
                                  "scenarios/README.md",
                                  "scenarios/learn/commands.md",
                                  "src/cli/scale-out.md",
                                  "tests/accuracy/README.md",
                                  "include/README.md"};

std::vector<Command> all_commands() {
  std::vector<Command> commands;
  for (const char* page : kPages) {
    const auto found = shell_commands(page, fenced_blocks(lines_of_file(kSource / page)));
    commands.insert(commands.end(), found.begin(), found.end());
  }
  return commands;
}

class Readme : public ::testing::TestWithParam<Command> {
 protected:
  static void SetUpTestSuite() { checkout_.emplace(std::vector<std::string>{std::begin(kPages), std::end(kPages)}); }
  static void TearDownTestSuite() { checkout_.reset(); }
  static std::optional<Checkout> checkout_;
};
std::optional<Checkout> Readme::checkout_;

TEST_P(Readme, CommandDoesWhatItSays) {
  const Command& command = GetParam();
  const std::string where = command.page + ":" + std::to_string(command.line) + ": " + command.text;
  std::string first;
  std::istringstream(command.text) >> first;
  if (first.starts_with("./tools/")) {
    // These build and test everything, so they are not run from within the tests.
    EXPECT_EQ(::access((kSource / first).c_str(), X_OK), 0) << where << "\n" << first << " cannot be executed";
    return;
  }
  constexpr std::string_view kTests = "build/release/tests/";
  if (first.starts_with(kTests)) {
    // They are run by themselves: what a page calls one has to be one.
    const fs::path program = first.substr(kTests.size());
    const std::vector<std::string> lines = lines_of_file(kSource / "tests" / program.parent_path() / "CMakeLists.txt");
    const std::string declared = "foretoken_test(" + program.filename().string();
    EXPECT_TRUE(std::ranges::any_of(
        lines, [&](const std::string& line) { return line == declared || line.starts_with(declared + " "); }))
        << where << "\nno such test is built";
    return;
  }
  // The installed package has a test of its own, consumer_finds_the_installed_package.
  if (first == "cmake") return;
  ASSERT_TRUE(first == "build/release/foretoken" || first == "foretoken" || first == "cat")
      << where << "\nis a kind of command that this test does not know";
  if (command.text.find("../shared") != std::string::npos && !checkout_->has_shared())
    GTEST_SKIP() << where << ": ../shared is not here";
  const ProcessResult result =
      run_process({"/bin/bash", "-c", R"(cd "$0" && PATH="$PWD/build/release:$PATH" && set -o pipefail && eval "$1")",
                   checkout_->folder().string(), command.text});
  EXPECT_EQ(result.exit_code, command.exit_code) << where << "\n" << result.err;
  EXPECT_FALSE(result.out.empty() && result.err.empty() && command.text.find('>') == std::string::npos &&
               command.text.find("-o ") == std::string::npos)
      << where << "\nprints nothing";
}

INSTANTIATE_TEST_SUITE_P(EveryCommand, Readme, ::testing::ValuesIn(all_commands()),
                         [](const ::testing::TestParamInfo<Command>& shown) {
                           std::string page = shown.param.page;
                           for (char& c : page) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return page + "_line_" + std::to_string(shown.param.line);
                         });

TEST(ReadmePages, ShowEveryCommandOfTheProgram) {
  const ProcessResult help = run_process({FORETOKEN_PROGRAM, "--help"});
  ASSERT_EQ(help.exit_code, 0);
  std::string shown;
  for (const Command& command : all_commands()) shown += command.text + " \n";
  std::istringstream lines(help.out.substr(help.out.find("Subcommands:")));
  int commands = 0;
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line) && line.starts_with("  ");) {
    if (line.starts_with("   ")) continue;  // the rest of a summary
    std::string name;
    std::istringstream(line) >> name;
    EXPECT_THAT(shown, HasSubstr("foretoken " + name + " "));
    ++commands;
  }
  EXPECT_GE(commands, 4);
}

TEST(ReadmeReader, FindsCommandsContinuationsAndExitCodes) {
  const std::vector<Block> blocks = fenced_blocks({"text", "```sh", "# a comment", "foretoken run a \\", "  --seed 1",
                                                   "", "foretoken run b  # exit 3: no room", "```",
                                                   "foretoken not a command", "```yaml", "# x.yaml", "```"});
  ASSERT_EQ(blocks.size(), 2u);
  const std::vector<Command> commands = shell_commands("page", blocks);
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].text, "foretoken run a   --seed 1");
  EXPECT_EQ(commands[0].exit_code, 0);
  EXPECT_EQ(commands[1].line, 7);
  EXPECT_EQ(commands[1].exit_code, 3);
  EXPECT_THROW((void)fenced_blocks({"```sh"}), std::runtime_error);
}

}  // namespace
}  // namespace foretoken::testing
