// foretoken init: every starter is a scenario that can be judged as it stands; files of others are left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.hpp"

namespace foretoken::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> use_cases() {
  std::istringstream lines(foretoken_program({"init", "--list"}).out);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line.substr(0, line.find(' ')));
  return names;
}

TEST(Init, WritesStartersThatCheckAnswers) {
  const TemporaryFolder folder;
  EXPECT_THAT(use_cases(), ::testing::IsSupersetOf({"agents", "chatbot", "code-completion", "rag", "summarization"}));
  for (const std::string& name : use_cases()) {
    const std::string file = folder.path(name + ".yaml");
    const ProcessResult written = foretoken_program({"init", name, "-o", file});
    EXPECT_EQ(written.exit_code, 0) << written.err;
    EXPECT_THAT(written.err, HasSubstr("foretoken check " + file));
    EXPECT_THAT(content_of(file), StartsWith("# yaml-language-server: $schema=foretoken.schema.json\n"));
    const ProcessResult checked = foretoken_program({"check", file, "--no-model-error", "--no-fixes"});
    EXPECT_THAT(checked.exit_code, AnyOf(0, 98, 99)) << name << ": " << checked.err;
    EXPECT_EQ(checked.err, "") << name << " warns of itself";
    EXPECT_THAT(checked.out, HasSubstr("its objectives")) << name;
  }
}

TEST(Init, PrintsTheChatbotWhereNothingIsSaid) {
  EXPECT_EQ(foretoken_program({"init"}).out, foretoken_program({"init", "chatbot"}).out);
  EXPECT_THAT(foretoken_program({"init"}).out, HasSubstr("p99_ttft <= 500 ms"));
}

TEST(Init, LeavesAFileThatIsThereAlone) {
  const TemporaryFolder folder;
  const std::string file = folder.file("mine.yaml", "mine\n");
  for (const std::vector<std::string>& what : {std::vector<std::string>{"rag"}, {"--list"}}) {
    std::vector<std::string> command{"init", "-o", file};
    command.insert(command.end(), what.begin(), what.end());
    const ProcessResult refused = foretoken_program(command);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("is there already"), HasSubstr("--force")));
    EXPECT_EQ(content_of(file), "mine\n");
  }
  EXPECT_EQ(foretoken_program({"init", "rag", "-o", file, "--force"}).exit_code, 0);
  EXPECT_EQ(content_of(file), foretoken_program({"init", "rag"}).out);
}

TEST(Init, KnowsWhatWasMeant) {
  const ProcessResult close = foretoken_program({"init", "chatbt"});
  EXPECT_EQ(close.exit_code, 2);
  EXPECT_EQ(close.out, "");
  EXPECT_THAT(close.err, AllOf(HasSubstr("no use case is called 'chatbt'"), HasSubstr("did you mean 'chatbot'?")));
  const ProcessResult far = foretoken_program({"init", "/etc/passwd"});
  EXPECT_EQ(far.exit_code, 2);
  EXPECT_THAT(far.err, HasSubstr("agents, chatbot"));
}

}  // namespace
}  // namespace foretoken::testing
