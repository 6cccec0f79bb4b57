// Quantities with units: exact conversion, refusals that name the way out, readable output.
#include "foretoken/base/units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace foretoken {
namespace {

using ::testing::HasSubstr;

std::string problem(std::string_view text, Dimension dimension) {
  const Result<double> value = parse_quantity(text, dimension);
  return value ? "accepted: " + std::to_string(*value) : format(value.error());
}

TEST(Units, ValuesAreTheDoublesOneWouldWrite) {
  EXPECT_EQ(parse_quantity("3.35 TB/s", Dimension::bandwidth).value(), 3.35e12);
  EXPECT_EQ(parse_quantity("989.4TFLOP/s", Dimension::compute_rate).value(), 989.4e12);
  EXPECT_EQ(parse_quantity("1979 TFLOPS", Dimension::compute_rate).value(), 1979e12);
  EXPECT_EQ(parse_quantity("700 W", Dimension::power).value(), 700.0);
  EXPECT_EQ(parse_quantity("250 ms", Dimension::time).value(), 0.25);
  EXPECT_EQ(parse_quantity("6.498 us", Dimension::time).value(), 6.498e-6);
  EXPECT_EQ(parse_quantity("6.498 \u00b5s", Dimension::time).value(), 6.498e-6);
  EXPECT_EQ(parse_quantity("1.5e3 ms", Dimension::time).value(), 1.5);
  EXPECT_EQ(parse_quantity("2 min", Dimension::time).value(), 120.0);
  EXPECT_EQ(parse_quantity("30 req/min", Dimension::rate).value(), 0.5);
  EXPECT_EQ(parse_quantity("1.98 GHz", Dimension::frequency).value(), 1.98e9);
  EXPECT_EQ(parse_quantity("  0 s ", Dimension::time).value(), 0.0);
}

TEST(Units, DecimalAndBinaryPrefixesAndBitsAreKeptApart) {
  EXPECT_EQ(parse_quantity("80 GB", Dimension::bytes).value(), 80e9);
  EXPECT_EQ(parse_quantity("80 GiB", Dimension::bytes).value(), 80.0 * 1073741824.0);
  EXPECT_EQ(parse_quantity("400 Gb/s", Dimension::bandwidth).value(), 50e9);
  EXPECT_EQ(parse_quantity("400 GB/s", Dimension::bandwidth).value(), 400e9);
  EXPECT_THAT(problem("400 gb/s", Dimension::bandwidth), HasSubstr("`GB/s` or `Gb/s`"));
  EXPECT_THAT(problem("64 KB", Dimension::bytes), HasSubstr("`kB` for 1000 bytes or `KiB` for 1024 bytes"));
}

TEST(Units, AUnitOfAnotherDimensionIsNamedAsSuch) {
  EXPECT_THAT(problem("80 GB", Dimension::bandwidth), HasSubstr("`GB` is a unit of memory size, not of bandwidth"));
  EXPECT_THAT(problem("10 ms", Dimension::rate), HasSubstr("`ms` is a unit of time, not of rate"));
}

TEST(Units, RefusalsSayWhatIsWrongAndWhatIsAllowed) {
  EXPECT_THAT(problem("80", Dimension::bytes), HasSubstr("has no unit"));
  EXPECT_THAT(problem("80", Dimension::bytes), HasSubstr("GiB"));
  EXPECT_THAT(problem("-5 GB", Dimension::bytes), HasSubstr("negative"));
  EXPECT_THAT(problem("1,000 GB", Dimension::bytes), HasSubstr("thousands separator"));
  EXPECT_THAT(problem("1e400 GB", Dimension::bytes), HasSubstr("beyond the range"));
  EXPECT_THAT(problem("1e308 GB", Dimension::bytes), HasSubstr("beyond the range"));
  EXPECT_THAT(problem("1e99999999999999999999 GB", Dimension::bytes), HasSubstr("beyond the range"));
  EXPECT_THAT(problem("5 GBx", Dimension::bytes), HasSubstr("not a unit"));
}

TEST(Units, WhatIsNotADecimalNumberIsRefused) {
  for (const char* text :
       {"", " ", "GB", "nan GB", "inf GB", ". GB", "-", "- GB", "1.2.3 GB", "+5 GB", "--5 GB", "e5 GB", "-e5 GB"}) {
    EXPECT_THAT(problem(text, Dimension::bytes), HasSubstr("is not a memory size")) << text;
  }
  EXPECT_THAT(problem("0x10 GB", Dimension::bytes), HasSubstr("not a unit"));
}

TEST(Units, OutputTakesThePrefixThatReadsBest) {
  EXPECT_EQ(format_quantity(3.35e12, Dimension::bandwidth), "3.35 TB/s");
  EXPECT_EQ(format_quantity(989.4e12, Dimension::compute_rate), "989.4 TFLOP/s");
  EXPECT_EQ(format_quantity(999.96e9, Dimension::bandwidth), "1 TB/s");
  EXPECT_EQ(format_quantity(80.0 * 1073741824.0, Dimension::bytes), "80 GiB");
  EXPECT_EQ(format_quantity(640.0 * 1073741824.0 * 2, Dimension::bytes), "1280 GiB");
  EXPECT_EQ(format_quantity(16.0 * 1024, Dimension::bytes), "16 KiB");
  EXPECT_EQ(format_quantity(0.25, Dimension::time), "250 ms");
  EXPECT_EQ(format_quantity(7.5e-6, Dimension::time), "7.5 us");
  EXPECT_EQ(format_quantity(90, Dimension::time), "90 s");
  EXPECT_EQ(format_quantity(12.5, Dimension::rate), "12.5/s");
  EXPECT_EQ(format_quantity(0, Dimension::bytes), "0 B");
  EXPECT_EQ(format_quantity(HUGE_VAL, Dimension::bytes), "inf");
}

TEST(Units, WhatIsWrittenIsReadBackWithinFourDigits) {
  const Dimension dimensions[] = {Dimension::bytes, Dimension::bandwidth, Dimension::compute_rate, Dimension::power,
                                  Dimension::time,  Dimension::rate,      Dimension::frequency};
  for (const Dimension dimension : dimensions) {
    for (double value = 1.7e-3; value < 1e16; value *= 3.3) {
      const std::string text = format_quantity(value, dimension);
      const Result<double> read = parse_quantity(text, dimension);
      ASSERT_TRUE(read) << text;
      EXPECT_NEAR(*read / value, 1.0, 5.1e-4) << text;
    }
  }
}

}  // namespace
}  // namespace foretoken
