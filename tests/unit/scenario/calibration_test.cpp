// The built-in coefficient sets: complete, consistent, and strict about their files.

#include <gmock/gmock.h>

#include "foretoken/scenario/catalog.hpp"
#include "scenario/calibration_entries.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

const CoefficientSet* find(const CalibrationTable& table, std::string_view gpu, std::string_view engine,
                           std::string_view format, std::string_view operation, CostLevel level) {
  for (const CoefficientSet& set : table.sets) {
    if (set.gpu == gpu && set.engine == engine && set.format == format && set.operation == operation &&
        set.level == level && set.version != "0.14.0") {
      return &set;
    }
  }
  return nullptr;
}

TEST(CalibrationCatalog, EverySetIsCompleteAndNamesAnAcceleratorOfTheCatalog) {
  const Catalog catalog;
  const Result<CalibrationTable> table = catalog.calibration();
  ASSERT_TRUE(table) << format(table.error());
  EXPECT_GE(table->sets.size(), 150U);
  EXPECT_GE(table->devices.size(), 6U);
  for (const CalibrationDevice& device : table->devices) {
    const auto gpu = catalog.gpu(device.gpu);
    ASSERT_TRUE(gpu) << device.gpu;
    EXPECT_NEAR(device.flops_bf16 / gpu->peak_bf16.value, 1, 0.01) << device.gpu;
  }
}

TEST(CalibrationCatalog, TheCompiledTableIsWhatTheFilesSay) {
  const Catalog catalog;
  CalibrationTable read;
  for (const Catalog::File& file : catalog.files("calibration")) {
    const Diagnostics problems = read_calibration(file, read);
    EXPECT_TRUE(problems.empty()) << format(problems);
  }
  const CalibrationTable compiled = catalog.calibration().value();
  ASSERT_EQ(compiled.sets.size(), read.sets.size());
  for (std::size_t i = 0; i < read.sets.size(); ++i)
    EXPECT_TRUE(compiled.sets[i] == read.sets[i]) << read.sets[i].gpu << ' ' << read.sets[i].operation;
  EXPECT_TRUE(compiled == read);
}

TEST(CalibrationCatalog, ValuesKeepTheirUnits) {
  const CalibrationTable table = Catalog().calibration().value();
  const CoefficientSet* gemm = find(table, "h100_sxm", "vllm", "bf16", "gemm", CostLevel::calibrated);
  ASSERT_NE(gemm, nullptr);
  ASSERT_EQ(gemm->coefficients.size(), 8U);
  EXPECT_NEAR(gemm->coefficients[0].value, 2.05834e-6, 1e-15);
  EXPECT_NEAR(gemm->coefficients[3].value, 17.3151e12, 1);
  EXPECT_NEAR(gemm->held_out_error, 0.085, 1e-12);
  ASSERT_EQ(gemm->ranges.size(), 3U);
  EXPECT_EQ(gemm->ranges[0].dimension, "m");
  EXPECT_EQ(gemm->ranges[0].high, 32768);
  const CoefficientSet* moe = find(table, "h100_sxm", "vllm", "bf16", "moe", CostLevel::calibrated);
  ASSERT_NE(moe, nullptr);
  EXPECT_NEAR(moe->coefficients[7].value, 20.0568e-9, 1e-18) << "tk is in nanoseconds";
  const CoefficientSet* bad = find(table, "b200_sxm", "vllm", "fp8_block", "gemm", CostLevel::calibrated);
  ASSERT_NE(bad, nullptr);
  EXPECT_TRUE(bad->unusable);
}

TEST(CalibrationCatalog, AFileWithMistakesIsRefusedWithAllOfThem) {
  const Catalog::File file{
      "calibration", "mine",
      "gpu: h100_sxm\n"
      "engine: vllm\n"
      "gemm:\n"
      "  bf16:\n"
      "    calibrated:\n"
      "      coefficients: {t0: 2 TB/s, ec: -1, em: 0.8, l2: 17 TB/s, tk: 1 us, p: 12, bl: 0.5, xx: 1}\n"
      "      fitted: {m: [9, 1]}\n"
      "      rows: many\n"
      "  fp7: {}\n"
      "sources: [mine]\n",
      "mine.yaml"};
  CalibrationTable table;
  const std::string problems = format(read_calibration(file, table));
  EXPECT_THAT(problems, HasSubstr("mine.yaml:6"));
  EXPECT_THAT(problems, HasSubstr("`ec` must be in"));
  EXPECT_THAT(problems, HasSubstr("`ts` is missing"));
  EXPECT_THAT(problems, HasSubstr("unknown key `xx`"));
  EXPECT_THAT(problems, HasSubstr("`m` must be [lowest, highest]"));
  EXPECT_THAT(problems, HasSubstr("`rows` must be a whole number"));
  EXPECT_THAT(problems, HasSubstr("unknown key `fp7`"));
}

}  // namespace
}  // namespace foretoken
