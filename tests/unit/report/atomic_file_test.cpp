// Files appear whole or not at all.
#include "foretoken/report/atomic_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace foretoken {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class AtomicFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("foretoken_atomic_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string path(const char* name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  fs::path folder_;
};

TEST_F(AtomicFileTest, isThereWithItsContentAfterCommit) {
  Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
  ASSERT_TRUE(file);
  const std::string big(200'000, 'x');  // more than the buffer
  file->write(big);
  file->write("end");
  EXPECT_FALSE(fs::exists(path("a.csv"))) << "not before it is complete";
  EXPECT_TRUE(file->commit().empty());
  EXPECT_EQ(content(path("a.csv")), big + "end");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFileTest, leavesNothingBehindWithoutCommit) {
  {
    Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
    ASSERT_TRUE(file);
    file->write("half");
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(AtomicFileTest, replacesAnOldFileOnlyOnCommitAndKeepsItsMode) {
  std::ofstream(path("a.csv")) << "old";
  fs::permissions(path("a.csv"), fs::perms::owner_read | fs::perms::owner_write);
  Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
  ASSERT_TRUE(file);
  file->write("new");
  EXPECT_EQ(content(path("a.csv")), "old");
  EXPECT_TRUE(file->commit().empty());
  EXPECT_EQ(content(path("a.csv")), "new");
  EXPECT_EQ(fs::status(path("a.csv")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFileTest, movingItKeepsOneOwner) {
  Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
  ASSERT_TRUE(file);
  file->write("text");
  AtomicFile moved = std::move(*file);
  EXPECT_TRUE(moved.commit().empty());
  EXPECT_EQ(content(path("a.csv")), "text");
}

TEST_F(AtomicFileTest, saysWhyItCannotBeWritten) {
  EXPECT_THAT(format(AtomicFile::create(path("no/such/folder.csv")).error()), HasSubstr("the folder must exist"));
  EXPECT_THAT(format(AtomicFile::create(folder_.string()).error()), HasSubstr("directory"));
  EXPECT_FALSE(AtomicFile::create(""));
}

TEST_F(AtomicFileTest, aFullDiskIsDiagnosed) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
  const Diagnostics problems = write_file("/dev/full", "text");
  EXPECT_THAT(format(problems), HasSubstr("disk is full"));
  EXPECT_TRUE(fs::exists("/dev/full")) << "devices are written in place, never replaced";
}

}  // namespace
}  // namespace foretoken
