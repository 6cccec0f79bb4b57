// The expert kernels of gpt-oss-120b from the times of gpt-oss-20b's alone: the same widths with four times as many
// experts.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <tuple>

#include "foretoken/scenario/catalog.hpp"
#include "measurement/kernels/fit_set.hpp"
#include "measurement/kernels/kernel_table.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

const std::string kTruth = std::string(FORETOKEN_SOURCE_DIR) + "/../shared/truth/";

using Kernels = std::vector<const TableKernel*>;
struct Sizes {
  Kernels small, large;  // of 32 and 128 experts
};
// GPU, engine, version, format, library.
using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;

std::map<Key, Sizes> by_kernel(std::vector<TableKernel>& table) {
  constexpr double kHidden = 2880, kMostTokens = 256;
  std::map<Key, Sizes> keys;
  for (TableKernel& k : table) {
    KernelQuery& q = k.query;
    if (!k.skipped.empty() || k.suspect || q.operation != "moe" || q.hidden != kHidden) continue;
    q.loads = expert_loads_of(q);
    Sizes& sizes = keys[{q.gpu, q.engine, q.version, q.format, q.library}];
    if (q.experts == 32) sizes.small.push_back(&k);
    if (q.experts == 128 && q.tokens <= kMostTokens) sizes.large.push_back(&k);
  }
  return keys;
}

const OperationCoefficients& expert_formula() {
  for (const OperationCoefficients& o : calibrated_operations()) {
    if (o.operation == "moe") return o;
  }
  throw std::logic_error("the experts have no formula");
}

TEST(ExpertTransfer, TheKernelsOf120BFollowFromThoseOf20B) {
  const std::string packed = kTruth + "kernels2.csv.gz";
  if (!std::filesystem::exists(packed)) GTEST_SKIP() << "the table of kernels is not here: " << packed;
  const std::string path = ::testing::TempDir() + "gpt_oss_kernels.csv";
  ASSERT_EQ(std::system(("gzip -dc '" + packed + "' | awk 'NR == 1 || /^moe,/ && /,2880,/' > '" + path + "'").c_str()),
            0);
  const Catalog catalog;
  Result<std::vector<TableKernel>> table = read_kernel_table(path, kTruth + "names.csv", catalog);
  std::filesystem::remove(path);
  ASSERT_TRUE(table) << format(table.error());
  const CalibrationTable known = **catalog.calibration();
  const OperationCoefficients& formula = expert_formula();
  double sum = 0, rows = 0;
  std::map<std::string, std::pair<double, double>> by_engine;
  for (const auto& [key, sizes] : by_kernel(*table)) {
    const auto device = std::find_if(known.devices.begin(), known.devices.end(),
                                     [&key = key](const CalibrationDevice& d) { return d.gpu == std::get<0>(key); });
    if (device == known.devices.end() || sizes.small.size() < 2 * formula.names.size()) continue;
    const FittedSet fit = fit_set(formula, *device, sizes.small);
    for (const TableKernel* k : sizes.large) {
      const double seconds = kernel_seconds(*device, k->query, fit.coefficients).value_or(0);
      const double error = std::abs(seconds / (k->measured_us * 1e-6) - 1);
      auto& [engine_sum, engine_rows] = by_engine[std::get<1>(key) + " " + std::get<3>(key)];
      engine_sum += error;
      engine_rows += 1;
      sum += error;
      rows += 1;
    }
  }
  for (const auto& [engine, of] : by_engine)
    std::cout << fmt::format("{}: {:.1f} % over {:.0f} rows\n", engine, 100 * of.first / of.second, of.second);
  std::cout << fmt::format("all: {:.1f} % over {:.0f} rows, 12 wanted\n", 100 * sum / rows, rows);
  EXPECT_GE(rows, 1000);
  EXPECT_LE(sum / rows, 0.13);
}

}  // namespace
}  // namespace foretoken
