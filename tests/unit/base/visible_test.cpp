// Control characters are found and spelled out; other text stays as it is.
#include "base/visible.hpp"

#include <gtest/gtest.h>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

TEST(Visible, SpellsControlCharactersAndLeavesTheRest) {
  EXPECT_EQ(visible("a\x1b[31mb\r\x07\x7f"), "a\\x1b[31mb\\x0d\\x07\\x7f");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m"),
            "\\x9b31m")
      << "C1 as UTF-8";
  EXPECT_EQ(visible("µs ✓\ttab\nline"), "µs ✓\ttab\nline");
  EXPECT_EQ(visible("\xc2"), "\xc2");
  EXPECT_EQ(find_control("plain"), std::string_view::npos);
  EXPECT_EQ(find_control("ab\x1b"), 2u);
}

TEST(Visible, HoldsForDiagnostics) {
  Diagnostics problems;
  problems.error({"\x1b]0;title\x07.yaml", 1, 1}, "unknown key '\x1b[2J'", "\x1b[0m", "\x1b[1m: x");
  EXPECT_EQ(find_control(format(problems)), std::string_view::npos);
}

}  // namespace
}  // namespace foretoken
