// Levenberg-Marquardt within a box.
#include "measurement/calibration/least_squares.hpp"

#include <algorithm>
#include <cmath>

#include "measurement/algebra/decompositions.hpp"

namespace foretoken {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// What the prior adds to the matrix of the normal equations: 2 ln(1 + x^2) as the parabola that touches it at x from
// above.
double stiffness(const LeastSquaresProblem& p, double x) {
  return p.prior ? 2 / (1 + x * x) : 0;
}

VectorXd gradient_at(const LeastSquaresProblem& p, const MatrixXd& jacobian, const VectorXd& residuals,
                     const VectorXd& x) {
  VectorXd gradient = jacobian.transpose() * residuals;
  for (Index k = 0; k < x.size(); ++k) gradient[k] += stiffness(p, x[k]) * x[k];
  return gradient;
}

// Minimises |J d + r|^2 + lambda |d|^2 + stiffness |x + d|^2 over the free unknowns.
VectorXd damped_step(const LeastSquaresProblem& problem, const MatrixXd& jacobian, const VectorXd& residuals,
                     const VectorXd& x, const std::vector<Index>& free, double lambda) {
  const Index n = residuals.size();
  const auto p = static_cast<Index>(free.size());
  MatrixXd a = MatrixXd::Zero(n + 2 * p, p);
  VectorXd b = VectorXd::Zero(n + 2 * p);
  b.head(n) = -residuals;
  for (Index j = 0; j < p; ++j) {
    const Index k = free[static_cast<std::size_t>(j)];
    a.col(j).head(n) = jacobian.col(k);
    a(n + j, j) = std::sqrt(lambda) * std::max(1e-6, jacobian.col(k).norm());
    const double ridge = std::sqrt(stiffness(problem, x[k]));
    a(n + p + j, j) = ridge;
    b(n + p + j) = -ridge * x[k];
  }
  VectorXd step = VectorXd::Zero(x.size());
  const VectorXd reduced = least_squares(a, b);
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
  double sum = residuals.squaredNorm();
  for (Index k = 0; p.prior && k < x.size(); ++k) sum += 2 * std::log1p(x[k] * x[k]);
  return sum;
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
  s.jacobian = MatrixXd::Zero(s.residuals.size(), s.x.size());
  s.evaluations = 1;
  if (s.x.size() == 0) return s;
  double lambda = 1e-3;
  for (int iteration = 0; iteration < p.most_iterations && !s.converged; ++iteration) {
    s.jacobian = jacobian_at(p, s.x, s.residuals, s.evaluations);
    const VectorXd gradient = gradient_at(p, s.jacobian, s.residuals, s.x);
    const std::vector<Index> free = free_unknowns(p, s.x, gradient);
    const double before = cost(p, s.x, s.residuals);
    s.converged = true;
    // Several dampings side by side; the best of them counts.
    for (int attempt = 0; attempt < 2 && !free.empty(); ++attempt) {
      std::vector<VectorXd> candidates;
      for (const double factor : {1.0, 10.0, 100.0, 1000.0}) {
        const VectorXd step = damped_step(p, s.jacobian, s.residuals, s.x, free, lambda * factor);
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
  s.jacobian = jacobian_at(p, s.x, s.residuals, s.evaluations);
  return s;
}

}  // namespace foretoken
