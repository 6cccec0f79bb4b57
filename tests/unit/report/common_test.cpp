// Numbers and tables for people.
#include "report/common.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace foretoken {
namespace {

TEST(Readable, ShowsAboutFourDigits) {
  EXPECT_EQ(readable(12345.6), "12,346");
  EXPECT_EQ(readable(523.42), "523.4");
  EXPECT_EQ(readable(20.123), "20.12");
  EXPECT_EQ(readable(0.01234), "0.0123");
  EXPECT_EQ(readable(0.0), "0");
  EXPECT_EQ(readable(-1234.0), "-1,234");
  EXPECT_EQ(readable(999.96), "1,000");
  EXPECT_EQ(readable(99.996), "100.0");
  EXPECT_EQ(readable(std::nan("")), "-");
  EXPECT_EQ(readable(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(readable(1e18), "1e+18");
  EXPECT_EQ(readable(std::int64_t{1234567}), "1,234,567");
}

TEST(TextTable, AlignsByCharactersNotBytes) {
  TextTable table("lr");
  table.row({"µs", "1"});
  table.row({"name", "200"});
  EXPECT_EQ(table.text({}), "µs      1\nname  200\n");
}

TEST(Dollars, HaveCentsAndThousands) {
  EXPECT_EQ(dollars(1234.5), "1,234.50");
  EXPECT_EQ(dollars(0.994), "0.99");
  EXPECT_EQ(dollars(-1999.999), "-2,000.00");
  EXPECT_EQ(dollars(-0.001), "0.00");
}

TEST(TimeLeft, SaysNothingBeforeEnoughIsKnown) {
  EXPECT_EQ(time_left(0.6, 0.01), "") << "the first display of a long run";
  EXPECT_EQ(time_left(60, 0.01), "") << "one percent tells nothing of the rest";
  EXPECT_EQ(time_left(1, 0.1), "");
  EXPECT_EQ(time_left(10, 0.1), ", about 90 s left");
  EXPECT_EQ(time_left(600, 0.1), ", about 90 min left");
  EXPECT_EQ(time_left(36000, 0.1), ", about 90 h left");
  EXPECT_EQ(time_left(5, 1), "");
  EXPECT_EQ(time_left(5, 0), "");
}

TEST(Bar, FillsItsShareAndNeverOverflows) {
  EXPECT_EQ(bar(0.5, 4), "██░░");
  EXPECT_EQ(bar(7, 2), "██");
  EXPECT_EQ(bar(-1, 2), "░░");
  EXPECT_EQ(bar(std::nan(""), 2), "░░");
}

}  // namespace
}  // namespace foretoken
