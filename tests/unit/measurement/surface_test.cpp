// A surface passes through the middle of the grain, and says how large the grain is.
#include "measurement/calibration/surface.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace foretoken {
namespace {

using Eigen::VectorXd;

Region around_one(double spread) {
  return {VectorXd::Constant(2, 1), spread * spread * Eigen::MatrixXd::Identity(2, 2), VectorXd::Constant(2, -5),
          VectorXd::Constant(2, 5)};
}

TEST(Surface, FindsAParabolaThroughGrain) {
  std::mt19937_64 bits(5);
  const auto exact = [](const VectorXd& x) { return 1 + 2 * x[0] - x[1] + 0.5 * x[0] * x[1] + x[1] * x[1]; };
  std::vector<VectorXd> points = points_over(around_one(0.5), 1), values;
  for (const VectorXd& more : points_over(around_one(0.5), 1 + static_cast<int>(points.size()))) points.push_back(more);
  for (const VectorXd& x : points)
    values.push_back(VectorXd::Constant(1, exact(x) + 0.02 * (static_cast<double>(bits() >> 11) * 0x1p-53 - 0.5)));
  const Surface surface(points, values);
  // Uniform within +- 0.01: a deviation of 0.0058, known to 1 in 10 from 36 points less six coefficients.
  EXPECT_NEAR(surface.grain()[0], 0.01 / std::sqrt(3.0), 0.002);
  for (const VectorXd& x : points_over(around_one(0.3), 500)) EXPECT_NEAR(surface.at(x)[0], exact(x), 0.01);
}

TEST(Surface, LooksNoFartherThanAllowed) {
  Region region = around_one(3);
  region.least = VectorXd::Constant(2, 0.9);
  for (const VectorXd& x : points_over(region, 1)) {
    EXPECT_GE(x.minCoeff(), 0.9);
    EXPECT_LE(x.maxCoeff(), 5);
  }
}

}  // namespace
}  // namespace foretoken
