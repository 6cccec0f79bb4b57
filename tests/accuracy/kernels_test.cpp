// The calibrated kernels against the measured tables: every operation, GPU, engine and
// format. The reference's own prediction is met within 0.5 %, and the error against the
// measurement, averaged over the classes, stays below 17.5 %.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "report/accuracy_report.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

const std::string kTable = std::string(FORETOKEN_SOURCE_DIR) + "/../shared/truth/kernels_dev.csv";

TEST(KernelAccuracy, MeetsTheReferencePredictionAndTheMeasurements) {
  if (!std::filesystem::exists(kTable)) GTEST_SKIP() << "measured kernels are not here: " << kTable;
  const Result<KernelAccuracy> accuracy = compare_kernels(kTable);
  ASSERT_TRUE(accuracy) << format(accuracy.error());
  fmt::print("{}", to_text(*accuracy));
  int referenced = 0;
  for (const KernelRow& row : accuracy->rows) {
    if (!row.reference_us) continue;
    ASSERT_EQ(row.skipped, "") << "line " << row.line;
    // The reference took all expert kernels of a format for one; here each library has a set of its own.
    if (row.kernel_class.starts_with("moe")) continue;
    ++referenced;
    EXPECT_NEAR(*row.predicted_us / *row.reference_us, 1, 0.005) << row.kernel_class << ", line " << row.line;
  }
  EXPECT_GE(referenced, 9000);
  EXPECT_LT(accuracy->overall.mean, 17.5);
}

}  // namespace
}  // namespace foretoken
