// Files appear whole or not at all.
#include "persistence/atomic_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace foretoken {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class AtomicFiles : public ::testing::Test {
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

TEST_F(AtomicFiles, IsThereWithItsContentAfterCommit) {
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

TEST_F(AtomicFiles, LeavesNothingBehindWithoutCommit) {
  {
    Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
    ASSERT_TRUE(file);
    file->write("half");
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(AtomicFiles, ReplacesAnOldFileOnlyOnCommitAndKeepsItsMode) {
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

TEST_F(AtomicFiles, MovingItKeepsOneOwner) {
  Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
  ASSERT_TRUE(file);
  file->write("text");
  AtomicFile moved = std::move(*file);
  EXPECT_TRUE(moved.commit().empty());
  EXPECT_EQ(content(path("a.csv")), "text");
}

TEST_F(AtomicFiles, KeepsALinkAndReplacesWhatItPointsTo) {
  fs::create_directory(path("there"));
  std::ofstream(path("there/a.csv")) << "old";
  fs::create_symlink("there/a.csv", path("link"));
  EXPECT_TRUE(write_file(path("link"), "new").empty());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(content(path("there/a.csv")), "new");
  fs::create_symlink("there/b.csv", path("dangling"));
  EXPECT_TRUE(write_file(path("dangling"), "made").empty());
  EXPECT_TRUE(fs::is_symlink(path("dangling")));
  EXPECT_EQ(content(path("there/b.csv")), "made");
}

// /dev/stdout is such a link; what was redirected is a plain file behind it.
TEST_F(AtomicFiles, WritesThroughALinkToADescriptor) {
  const int descriptor = ::open(path("redirected").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::write(descriptor, "head\n", 5), 5);
  fs::create_symlink(fs::path("/proc/self/fd") / std::to_string(descriptor), path("stdout"));
  EXPECT_TRUE(AtomicFile::check(path("stdout")).empty());
  EXPECT_TRUE(write_file(path("stdout"), "text").empty());
  EXPECT_TRUE(fs::is_symlink(path("stdout")));
  EXPECT_EQ(content(path("redirected")), "head\ntext") << "at the descriptor's own place, in the same file";
  ::close(descriptor);
  EXPECT_FALSE(AtomicFile::check(path("stdout")).empty()) << "closed by now";
}

TEST_F(AtomicFiles, UsesUpWhatAKilledRunLeftBehind) {
  for (int run = 0; run < 3; ++run) {
    const pid_t child = ::fork();
    if (child == 0) {
      Result<AtomicFile> file = AtomicFile::create(path("a.csv"));
      if (file) file->write(std::string(200'000, 'x'));
      ::_exit(0);  // as SIGKILL: no destructor runs
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(files(), 1u) << "never more than one";
  }
  EXPECT_TRUE(write_file(path("a.csv"), "whole").empty());
  EXPECT_EQ(content(path("a.csv")), "whole");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFiles, LastsBesideAnotherWriterOfTheSameFile) {
  Result<AtomicFile> one = AtomicFile::create(path("a.csv")), other = AtomicFile::create(path("a.csv"));
  ASSERT_TRUE(one && other);
  one->write("one");
  other->write("other");
  EXPECT_TRUE(one->commit().empty());
  EXPECT_EQ(content(path("a.csv")), "one");
  EXPECT_TRUE(other->commit().empty());
  EXPECT_EQ(content(path("a.csv")), "other");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFiles, ObeysTheUmask) {
  const mode_t before = ::umask(077);
  EXPECT_TRUE(write_file(path("a.csv"), "mine").empty());
  ::umask(before);
  EXPECT_EQ(fs::status(path("a.csv")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFiles, IsCheckedWithoutOpeningAPipe) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(AtomicFile::check(path("pipe")).empty()) << "opening it would wait for a reader";
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFiles, TakesNamesAsLongAsTheSystemDoes) {
  const std::string longest(255, 'n');
  EXPECT_TRUE(write_file(path(longest.c_str()), "text").empty());
  EXPECT_EQ(content(path(longest.c_str())), "text");
}

TEST_F(AtomicFiles, SaysWhyItCannotBeWritten) {
  EXPECT_THAT(format(AtomicFile::create(path("no/such/folder.csv")).error()), HasSubstr("the folder must exist"));
  EXPECT_THAT(format(AtomicFile::create(folder_.string()).error()), HasSubstr("directory"));
  EXPECT_FALSE(AtomicFile::create(""));
}

TEST_F(AtomicFiles, AFullDiskIsDiagnosed) {
  ASSERT_TRUE(fs::exists("/dev/full"));
  const Diagnostics problems = write_file("/dev/full", "text");
  EXPECT_THAT(format(problems), HasSubstr("disk is full"));
  EXPECT_TRUE(fs::exists("/dev/full")) << "devices are written in place, never replaced";
}

}  // namespace
}  // namespace foretoken
