// What a narrow terminal leaves out, and how sentences and commands are broken.
#include "report/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace foretoken {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TextStyle columns(int width) {
  TextStyle style;
  style.width = width;
  return style;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

TextTable example() {
  TextTable table("lrrl", "0210");
  table.row({"name", "detail", "figure", "word"});
  table.row({"first", "1,234,567", "12.3456", "meets"});
  return table;
}

TEST(TextTableWidth, LeavesOutTheLeastImportantColumnFirstAndSaysSo) {
  EXPECT_THAT(example().text(columns(100)), Not(HasSubstr("left out")));
  const std::string without_one = example().text(columns(30));
  EXPECT_THAT(without_one, HasSubstr("left out: detail;"));
  EXPECT_THAT(without_one, HasSubstr("figure"));
  EXPECT_THAT(without_one, HasSubstr("32 columns")) << "5 + 9 + 7 + 5 and three gaps";
  const std::string without_two = example().text(columns(20));
  EXPECT_THAT(without_two, Not(HasSubstr("12.3456")));
  EXPECT_THAT(without_two, HasSubstr("meets"));
}

TEST(TextTableWidth, IsNeverExceeded) {
  for (int width = 20; width < 60; ++width)
    EXPECT_LE(widest_line(example().text(columns(width), "  ")), width) << width;
}

TEST(TextTableWidth, CutsTheWidestCellWhereNoColumnMayGo) {
  TextTable table("ll");
  table.row({"key", "value"});
  table.row({"a", "a long value of many wörds, more than the terminal can show"});
  const std::string text = table.text(columns(30));
  EXPECT_LE(widest_line(text), 30U);
  EXPECT_THAT(text, HasSubstr("…\n"));
  EXPECT_THAT(text, HasSubstr("… = shortened"));
}

TEST(TextTableWidth, CountsNoEscapesOfColour) {
  EXPECT_EQ(display_width("\x1b[32m✓\x1b[0m ok"), 4U);
}

TEST(Sentences, BreakBetweenWordsUnderTheirIndent) {
  EXPECT_EQ(within_width("  one two three\nnext\n", columns(11)), "  one two\n    three\nnext\n");
  EXPECT_EQ(within_width("short\n\nlines", columns(11)), "short\n\nlines");
}

TEST(Sentences, KeepAWordWhole) {
  EXPECT_EQ(within_width("see /a/very/long/path for it", columns(12)), "see\n  /a/very/long/path\n  for it");
}

TEST(ShellCommands, GoOnBehindABackslashAndNeverWithinQuotes) {
  EXPECT_EQ(shell_command("serve --a 1 --b 2", columns(14), ""), "serve --a 1 \\\n    --b 2\n");
  EXPECT_EQ(shell_command("run --set 'a = [1, 2, 3]' -q", columns(16), ""),
            "run --set \\\n    'a = [1, 2, 3]' \\\n    -q\n");
  EXPECT_EQ(shell_command("serve --a 1", columns(40), "  "), "  serve --a 1\n");
}

}  // namespace
}  // namespace foretoken
