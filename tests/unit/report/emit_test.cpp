// Emitted scenarios: all of a search's, or a part that says so and that the next one replaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "foretoken/report/report.hpp"
#include "foretoken/study/recommend.hpp"
#include "report/recommend_emit.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;

class Emission : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (fs::temp_directory_path() / ("foretoken_emit_" + std::to_string(::getpid()))).string();
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void file(const char* name, const std::string& text) const { std::ofstream(fs::path(folder_) / name) << text; }
  [[nodiscard]] std::string content(const char* name) const {
    std::ifstream file(fs::path(folder_) / name);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] bool has(const char* name) const { return fs::exists(fs::path(folder_) / name); }

  std::string folder_;
  std::vector<EmittedScenario> scenarios_{{"rank-1.yaml", "one\n"}, {"rank-2.yaml", "two\n"}};
};

TEST_F(Emission, LeavesNoNoteWhenItIsWhole) {
  EXPECT_TRUE(write_scenarios(scenarios_, folder_).empty());
  EXPECT_EQ(content("rank-1.yaml"), "one\n");
  EXPECT_EQ(content("rank-2.yaml"), "two\n");
  EXPECT_FALSE(has("UNFINISHED.txt"));
  EXPECT_TRUE(check_emit_folder(folder_).has_errors()) << "a whole set is not overwritten";
  EXPECT_TRUE(write_scenarios(scenarios_, folder_).has_errors());
}

// What SIGKILL leaves: the note, and the files up to some point, of a search that ranked otherwise.
TEST_F(Emission, ReplacesWhatAKilledOneLeft) {
  EXPECT_TRUE(write_scenarios({{"rank-1.yaml", "old\n"}, {"rank-3.yaml", "old\n"}}, folder_).empty());
  file("UNFINISHED.txt",
       "`foretoken recommend --emit` has not finished writing these files; run it again, and it replaces them.\n"
       "rank-1.yaml\nrank-3.yaml\n../other.yaml\n");
  EXPECT_FALSE(check_emit_folder(folder_).has_errors());
  EXPECT_TRUE(write_scenarios(scenarios_, folder_).empty());
  EXPECT_EQ(content("rank-1.yaml"), "one\n");
  EXPECT_FALSE(has("rank-3.yaml")) << "of no search any more";
  EXPECT_FALSE(has("UNFINISHED.txt"));
}

TEST_F(Emission, OfALoadIsPartOfTheWhole) {
  scenarios_.push_back({"load.jsonl", "{}\n"});
  EXPECT_TRUE(write_scenarios(scenarios_, folder_).empty());
  EXPECT_EQ(content("load.jsonl"), "{}\n");
  file("UNFINISHED.txt",
       "`foretoken recommend --emit` has not finished writing these files; run it again, and it replaces them.\n"
       "rank-1.yaml\nrank-2.yaml\nload.jsonl\n");
  EXPECT_FALSE(check_emit_folder(folder_).has_errors());
  EXPECT_TRUE(write_scenarios({{"rank-1.yaml", "new\n"}}, folder_).empty());
  EXPECT_FALSE(has("load.jsonl")) << "of no search any more";
}

TEST_F(Emission, KeepsFilesThatTheNoteDoesNotName) {
  file("rank-2.yaml", "mine\n");
  file("UNFINISHED.txt",
       "`foretoken recommend --emit` has not finished writing these files; run it again, and it replaces "
       "them.\nrank-1.yaml\n");
  EXPECT_TRUE(write_scenarios(scenarios_, folder_).has_errors());
  EXPECT_EQ(content("rank-2.yaml"), "mine\n");
}

TEST_F(Emission, SaysThatItIsUnfinishedWhenAFileCannotBeWritten) {
  scenarios_.push_back({"no/such/rank-3.yaml", "three\n"});
  EXPECT_TRUE(write_scenarios(scenarios_, folder_).has_errors());
  EXPECT_TRUE(has("UNFINISHED.txt"));
}

}  // namespace
}  // namespace foretoken
