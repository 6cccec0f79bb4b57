// Response surfaces (Box and Wilson 1951) over points of a low-discrepancy sequence.
#include "measurement/calibration/surface.hpp"

#include <algorithm>
#include <cmath>

#include "measurement/algebra/decompositions.hpp"

namespace foretoken {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Per axis of the region: closer points would show the grain alone, farther ones more than a parabola can follow.
constexpr double kLeastSpread = 0.1;
constexpr double kMostSpread = 0.7;
constexpr double kReach = 2.5;
constexpr int kPointsPerCoefficient = 3;

Index coefficient_count(Index unknowns) {
  return 1 + unknowns + unknowns * (unknowns + 1) / 2;
}

// The n-th number of the van der Corput sequence in this base, in [-1, 1).
double spread(int n, int base) {
  double value = 0, place = 1;
  for (; n > 0; n /= base) {
    place /= base;
    value += place * (n % base);
  }
  return 2 * value - 1;
}

}  // namespace

std::vector<VectorXd> points_over(const Region& region, int first) {
  constexpr int kBases[] = {2, 3, 5, 7, 11, 13, 17, 19};
  const Index n = region.centre.size();
  const PrincipalAxes axes = principal_axes(region.covariance);
  const VectorXd spreads = axes.values.cwiseMax(0).cwiseSqrt().cwiseMax(kLeastSpread).cwiseMin(kMostSpread);
  std::vector<VectorXd> points;
  for (Index i = 0; i < kPointsPerCoefficient * coefficient_count(n); ++i) {
    VectorXd u(n);
    for (Index k = 0; k < n; ++k)
      u[k] = kReach * spreads[k] *
             spread(first + static_cast<int>(i), kBases[static_cast<std::size_t>(k) % std::size(kBases)]);
    points.emplace_back((region.centre + axes.directions * u).cwiseMax(region.least).cwiseMin(region.most));
  }
  return points;
}

Surface::Surface(const std::vector<VectorXd>& points, const std::vector<VectorXd>& values) {
  const auto count = static_cast<Index>(points.size());
  const Index n = points.front().size();
  centre_ = VectorXd::Zero(n);
  for (const VectorXd& point : points) centre_ += point / static_cast<double>(count);
  scale_ = VectorXd::Constant(n, 1e-9);
  for (const VectorXd& point : points) scale_ = scale_.cwiseMax((point - centre_).cwiseAbs());
  MatrixXd where(count, coefficient_count(n));
  MatrixXd what(count, values.front().size());
  for (Index i = 0; i < count; ++i) {
    where.row(i) = powers(points[static_cast<std::size_t>(i)]);
    what.row(i) = values[static_cast<std::size_t>(i)].transpose();
  }
  coefficients_ = least_squares(where, what);
  const auto spare = static_cast<double>(std::max<Index>(1, count - where.cols()));
  grain_ = ((what - where * coefficients_).colwise().squaredNorm() / spare).cwiseSqrt().transpose();
}

VectorXd Surface::at(const VectorXd& x) const {
  return (powers(x) * coefficients_).transpose();
}

Eigen::RowVectorXd Surface::powers(const VectorXd& x) const {
  const VectorXd u = (x - centre_).cwiseQuotient(scale_);
  const Index n = u.size();
  Eigen::RowVectorXd row(coefficient_count(n));
  row[0] = 1;
  row.segment(1, n) = u.transpose();
  Index at = 1 + n;
  for (Index a = 0; a < n; ++a) {
    for (Index b = a; b < n; ++b) row[at++] = u[a] * u[b];
  }
  return row;
}

}  // namespace foretoken
