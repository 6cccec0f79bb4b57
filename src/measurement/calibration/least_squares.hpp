// Bounded nonlinear least squares for functions that are costly and known by their values only: Levenberg-Marquardt
// with an active set. A discrete simulation is grainy as well, so it only comes near; see surface.hpp for the rest of
// the way.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

namespace foretoken {

struct LeastSquaresProblem {
  // Residuals at several points, which may be computed side by side.
  std::function<std::vector<Eigen::VectorXd>(const std::vector<Eigen::VectorXd>&)> residuals;
  Eigen::VectorXd start, least, most;
  Eigen::VectorXd step;  // of finite differences
  // Every unknown has a Cauchy distribution of unit scale around 0 beforehand: adds 2 ln(1 + x^2), in units where
  // a residual's variance is 1. Its heavy tails let the data pull a term as far as they will.
  bool prior = false;
  double tolerance = 0.05;  // relative gain of the sum of squares below which the search ends
  int most_iterations = 12;
};
struct LeastSquaresSolution {
  Eigen::VectorXd x;
  Eigen::VectorXd residuals;  // without the prior
  Eigen::MatrixXd jacobian;
  int evaluations = 0;
  bool converged = false;
};

// Central differences inside the bounds, one-sided at them.
[[nodiscard]] Eigen::MatrixXd jacobian_at(const LeastSquaresProblem& problem, const Eigen::VectorXd& x,
                                          const Eigen::VectorXd& residuals, int& evaluations);
[[nodiscard]] LeastSquaresSolution solve(const LeastSquaresProblem& problem);

}  // namespace foretoken
