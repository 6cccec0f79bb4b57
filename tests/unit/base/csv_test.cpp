// Lines, fields and numbers of text input, with the files users really have.
#include "base/csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Lines : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ("foretoken_csv_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& content) {
    const std::string path = (directory_ / "input.csv").string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  // All lines, then the diagnostics if reading ended with some.
  std::vector<std::string> read(const std::string& content) {
    Result<LineReader> reader = LineReader::open(write(content));
    if (!reader) return {format(reader.error())};
    std::vector<std::string> lines;
    std::string line;
    while (reader->next(line)) lines.push_back(line);
    if (!reader->diagnostics().empty()) lines.push_back(format(reader->diagnostics()));
    return lines;
  }
  std::filesystem::path directory_;
};

TEST_F(Lines, LineEndsOfBothKindsAUtf8MarkAndAMissingLastNewlineAreRead) {
  EXPECT_THAT(read("\xef\xbb\xbf"
                   "a,b\r\n\n1,2\n3,4"),
              ElementsAre("a,b", "", "1,2", "3,4"));
  EXPECT_THAT(read("a\n"), ElementsAre("a"));
  EXPECT_THAT(read(""), ElementsAre());
  EXPECT_THAT(read("\n"), ElementsAre(""));
}

TEST_F(Lines, LinesAcrossBufferBordersStayWhole) {
  for (const std::size_t length : {65'534U, 65'535U, 65'536U, 65'537U, 200'000U, 1U << 20}) {
    const std::string first(length, 'x');
    EXPECT_THAT(read(first + "\nsecond\n"), ElementsAre(first, "second")) << length;
    EXPECT_THAT(read(first), ElementsAre(first)) << length;
  }
}

TEST_F(Lines, ALineOverOneMebibyteEndsTheReadingWithItsNumber) {
  const std::vector<std::string> lines = read("ok\n" + std::string((1U << 20) + 1, 'x') + "\nmore\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "ok");
  EXPECT_THAT(lines[1], HasSubstr("input.csv:2: error: the line is longer than 1 MiB"));
}

TEST_F(Lines, BinaryCompressedAndUtf16FilesAreRefused) {
  using namespace std::string_literals;
  EXPECT_THAT(read("a\0b"s), ElementsAre(HasSubstr("binary")));
  EXPECT_THAT(read("\x1f\x8b\x08\x01"s), ElementsAre(HasSubstr("compressed")));
  EXPECT_THAT(read("\xff\xfe"
                   "a\0"s),
              ElementsAre(HasSubstr("UTF-16")));
  const std::string late(70'000, '\n');
  EXPECT_THAT(read(late + "x\0y\n"s).back(), HasSubstr("input.csv:70001: error: the line contains a NUL byte"));
}

TEST_F(Lines, MissingFilesAndDirectoriesAreRefusedWithThePath) {
  const Result<LineReader> missing = LineReader::open((directory_ / "none.csv").string());
  ASSERT_FALSE(missing);
  EXPECT_THAT(format(missing.error()), HasSubstr("none.csv: error: cannot read the file: No such file"));
  const Result<LineReader> directory = LineReader::open(directory_.string());
  ASSERT_FALSE(directory);
  EXPECT_THAT(format(directory.error()), HasSubstr("directory"));
  EXPECT_FALSE(LineReader::open(""));
}

TEST(LineReader, RefusesAPipeInsteadOfWaitingForItsWriter) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("foretoken_pipe_" + std::to_string(::getpid()))).string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Result<LineReader> reader = LineReader::open(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(reader);
  EXPECT_THAT(format(reader.error()), ::testing::HasSubstr("a pipe or a device"));
  EXPECT_FALSE(LineReader::open("/dev/zero"));
}

TEST(Csv, FieldsFollowRfc4180) {
  EXPECT_THAT(split_csv("1,2.5,abc"), ElementsAre("1", "2.5", "abc"));
  EXPECT_THAT(split_csv(R"("a,b","say ""hi""",)"), ElementsAre("a,b", R"(say "hi")", ""));
  EXPECT_THAT(split_csv(",,"), ElementsAre("", "", ""));
  EXPECT_THAT(split_csv(""), ElementsAre(""));
  EXPECT_THAT(split_csv(R"(5" disk,x)"), ElementsAre(R"(5" disk)", "x"));
}

TEST(Csv, AQuoteLeftOpenIsSeen) {
  EXPECT_TRUE(ends_inside_quotes(R"(1,"text that goes on)"));
  EXPECT_TRUE(ends_inside_quotes(R"(")"));
  EXPECT_TRUE(ends_inside_quotes(R"("a"")"));
  EXPECT_FALSE(ends_inside_quotes(R"("a""")"));
  EXPECT_FALSE(ends_inside_quotes(R"(1,"closed",5" disk)"));
  EXPECT_FALSE(ends_inside_quotes(""));
}

TEST(Csv, OnlyWholeFiniteDecimalNumbersAreNumbers) {
  double real = -1;
  for (const char* text : {"", "nan", "inf", "-inf", "0x10", "1e400", "1.5x", " 1", "1 ", "+1", "1,5", "1e", "--1"}) {
    EXPECT_FALSE(parse_number(text, real)) << text;
  }
  EXPECT_EQ(real, -1) << "a refused text leaves the value alone";
  EXPECT_TRUE(parse_number("1694000000.123456789", real));
  EXPECT_EQ(real, 1694000000.123456789);
  EXPECT_TRUE(parse_number("-2.5E-3", real));
  EXPECT_EQ(real, -2.5e-3);

  std::int64_t whole = -1;
  for (const char* text : {"", "1.0", "1e3", "9223372036854775808", "0x10", "+1", "1 ", "-"}) {
    EXPECT_FALSE(parse_number(text, whole)) << text;
  }
  EXPECT_EQ(whole, -1);
  EXPECT_TRUE(parse_number("-9223372036854775808", whole));
  EXPECT_EQ(whole, INT64_MIN);
}

}  // namespace
}  // namespace foretoken
