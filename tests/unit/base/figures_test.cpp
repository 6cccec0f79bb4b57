// Numbers in sentences are spelled out.
#include "base/figures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace foretoken {
namespace {

TEST(PlainFigure, SpellsOutWhatPeopleRead) {
  EXPECT_EQ(plain_figure(27840), "27,840");
  EXPECT_EQ(plain_figure(27844.4), "27,840");
  EXPECT_EQ(plain_figure(-27844.4), "-27,840");
  EXPECT_EQ(plain_figure(1234.5678, 3), "1,230");
  EXPECT_EQ(plain_figure(9999.9), "10,000");
  EXPECT_EQ(plain_figure(999.96), "1,000");
  EXPECT_EQ(plain_figure(123456789, 15), "123,456,789");
  EXPECT_EQ(plain_figure(1e14), "100,000,000,000,000");
  EXPECT_EQ(plain_figure(1234.5, 6), "1,234.5");
}

TEST(PlainFigure, LeavesOrdinaryFiguresAsTheyWere) {
  EXPECT_EQ(plain_figure(19.264), "19.26");
  EXPECT_EQ(plain_figure(0.5), "0.5");
  EXPECT_EQ(plain_figure(500), "500");
  EXPECT_EQ(plain_figure(0), "0");
  EXPECT_EQ(plain_figure(-3.25), "-3.25");
}

TEST(PlainFigure, SpellsOutSmallFigures) {
  EXPECT_EQ(plain_figure(0.000123456), "0.0001235");
  EXPECT_EQ(plain_figure(0.0000123456, 3), "0.0000123");
  EXPECT_EQ(plain_figure(2e-5), "0.00002");
}

TEST(PlainFigure, SaysWhatIsNoFigure) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(plain_figure(kInfinity), "inf");
  EXPECT_EQ(plain_figure(-kInfinity), "-inf");
  EXPECT_EQ(plain_figure(std::nan("")), "nan");
  EXPECT_EQ(plain_figure(1e18), "1e+18");
  EXPECT_EQ(plain_figure(1e-12), "1e-12");
}

TEST(PlainFigure, NeverHasAnExponentInBetween) {
  for (double v = 1e-9; v < 1e15; v *= 1.37) {
    for (const int digits : {3, 4, 6}) EXPECT_EQ(plain_figure(v, digits).find('e'), std::string::npos) << v;
  }
}

}  // namespace
}  // namespace foretoken
