// Levenberg-Marquardt within a box.
#include "study/calibration/least_squares.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Minimises |J d + r|^2 + lambda |d|^2 + ridge^2 |x + d|^2 over the free unknowns.
VectorXd damped_step(const MatrixXd& jacobian, const VectorXd& residuals, const VectorXd& x,
                     const std::vector<Index>& free, double lambda, double ridge) {
  const Index n = residuals.size();
  const auto p = static_cast<Index>(free.size());
  MatrixXd a = MatrixXd::Zero(n + 2 * p, p);
  VectorXd b = VectorXd::Zero(n + 2 * p);
  b.head(n) = -residuals;
  for (Index j = 0; j < p; ++j) {
    const Index k = free[static_cast<std::size_t>(j)];
    a.col(j).head(n) = jacobian.col(k);
    a(n + j, j) = std::sqrt(lambda) * std::max(1e-6, jacobian.col(k).norm());
    a(n + p + j, j) = ridge;
    b(n + p + j) = -ridge * x[k];
  }
  VectorXd step = VectorXd::Zero(x.size());
  const VectorXd reduced = a.colPivHouseholderQr().solve(b);
  for (Index j = 0; j < p; ++j) step[free[static_cast<std::size_t>(j)]] = reduced[j];
  return step;
}

// At a bound and pushed outward, an unknown stays.
std::vector<Index> free_unknowns(const LeastSquaresProblem& p, const VectorXd& x, const VectorXd& gradient) {
  std::vector<Index> free;
  for (Index k = 0; k < x.size(); ++k) {
    const bool held = (x[k] <= p.least[k] && gradient[k] >= 0) || (x[k] >= p.most[k] && gradient[k] <= 0);
    if (!held) free.push_back(k);
  }
  return free;
}

double cost(const LeastSquaresProblem& p, const VectorXd& x, const VectorXd& residuals) {
  return residuals.squaredNorm() + p.ridge * p.ridge * x.squaredNorm();
}

// The n-th number of the van der Corput sequence in this base, in [-1, 1): spreads points evenly.
double spread(int n, int base) {
  double value = 0, place = 1;
  for (; n > 0; n /= base) {
    place /= base;
    value += place * (n % base);
  }
  return 2 * value - 1;
}

// Points all around x, half a step of finite differences away at most.
std::vector<VectorXd> points_around(const LeastSquaresProblem& p, const VectorXd& x, int first) {
  constexpr int kBases[] = {2, 3, 5, 7, 11, 13, 17, 19};
  const int count = 8 * (static_cast<int>(x.size()) + 1);
  std::vector<VectorXd> points;
  for (int i = 0; i < count; ++i) {
    VectorXd point = x;
    for (Index k = 0; k < x.size(); ++k)
      point[k] += 0.5 * p.step[k] * spread(first + i, kBases[static_cast<std::size_t>(k) % std::size(kBases)]);
    points.push_back(point.cwiseMax(p.least).cwiseMin(p.most));
  }
  return points;
}

// One step by the lines through points around s.x; residuals and jacobian become those of the lines.
void smooth(const LeastSquaresProblem& p, LeastSquaresSolution& s, int round) {
  const std::vector<VectorXd> points = points_around(p, s.x, 1 + round * 100);
  const std::vector<VectorXd> values = p.residuals(points);
  s.evaluations += static_cast<int>(points.size());
  const auto count = static_cast<Index>(points.size());
  const Index n = s.x.size();
  MatrixXd where(count, n + 1);
  MatrixXd what(count, values.front().size());
  for (Index i = 0; i < count; ++i) {
    where(i, 0) = 1;
    where.row(i).tail(n) = (points[static_cast<std::size_t>(i)] - s.x).transpose();
    what.row(i) = values[static_cast<std::size_t>(i)].transpose();
  }
  const MatrixXd lines = where.colPivHouseholderQr().solve(what);
  const VectorXd residuals = lines.row(0).transpose();
  s.jacobian = lines.bottomRows(n).transpose();
  const VectorXd gradient = s.jacobian.transpose() * residuals + p.ridge * p.ridge * s.x;
  VectorXd step = damped_step(s.jacobian, residuals, s.x, free_unknowns(p, s.x, gradient), 1e-6, p.ridge);
  step = step.cwiseMax(-p.step).cwiseMin(p.step);  // not far beyond the points
  const VectorXd next = (s.x + step).cwiseMax(p.least).cwiseMin(p.most);
  s.residuals = residuals + s.jacobian * (next - s.x);
  s.x = next;
}

}  // namespace

MatrixXd jacobian_at(const LeastSquaresProblem& p, const VectorXd& x, const VectorXd& residuals, int& evaluations) {
  std::vector<VectorXd> points;
  for (Index k = 0; k < x.size(); ++k) {
    for (const double sign : {1.0, -1.0}) {
      VectorXd moved = x;
      moved[k] = std::clamp(x[k] + sign * p.step[k], p.least[k], p.most[k]);
      points.push_back(std::move(moved));
    }
  }
  const std::vector<VectorXd> values = p.residuals(points);
  evaluations += static_cast<int>(points.size());
  MatrixXd jacobian = MatrixXd::Zero(residuals.size(), x.size());
  for (Index k = 0; k < x.size(); ++k) {
    const auto i = static_cast<std::size_t>(2 * k);
    const double distance = points[i][k] - points[i + 1][k];
    if (distance > 0) jacobian.col(k) = (values[i] - values[i + 1]) / distance;
  }
  return jacobian;
}

LeastSquaresSolution solve(const LeastSquaresProblem& p) {
  LeastSquaresSolution s;
  s.x = p.start.cwiseMax(p.least).cwiseMin(p.most);
  s.residuals = p.residuals({s.x}).front();
  s.evaluations = 1;
  double lambda = 1e-3;
  for (int iteration = 0; iteration < p.most_iterations && !s.converged; ++iteration) {
    s.jacobian = jacobian_at(p, s.x, s.residuals, s.evaluations);
    const VectorXd gradient = s.jacobian.transpose() * s.residuals + p.ridge * p.ridge * s.x;
    const std::vector<Index> free = free_unknowns(p, s.x, gradient);
    const double before = cost(p, s.x, s.residuals);
    s.converged = true;
    // Several dampings side by side; the best of them counts.
    for (int attempt = 0; attempt < 2 && !free.empty(); ++attempt) {
      std::vector<VectorXd> candidates;
      for (const double factor : {1.0, 10.0, 100.0, 1000.0}) {
        const VectorXd step = damped_step(s.jacobian, s.residuals, s.x, free, lambda * factor, p.ridge);
        candidates.push_back((s.x + step).cwiseMax(p.least).cwiseMin(p.most));
      }
      const std::vector<VectorXd> values = p.residuals(candidates);
      s.evaluations += static_cast<int>(candidates.size());
      std::size_t best = 0;
      for (std::size_t i = 1; i < candidates.size(); ++i) {
        if (cost(p, candidates[i], values[i]) < cost(p, candidates[best], values[best])) best = i;
      }
      const double after = cost(p, candidates[best], values[best]);
      if (!(after < before)) {
        lambda *= 1e4;
        continue;
      }
      s.x = candidates[best];
      s.residuals = values[best];
      lambda = std::clamp(lambda * std::pow(10, static_cast<double>(best) - 1), 1e-6, 1e6);
      s.converged = after > before * (1 - p.tolerance);
      break;
    }
  }
  for (int round = 0; round < p.smoothing_rounds; ++round) smooth(p, s, round);
  if (p.smoothing_rounds == 0) s.jacobian = jacobian_at(p, s.x, s.residuals, s.evaluations);
  return s;
}

}  // namespace foretoken
