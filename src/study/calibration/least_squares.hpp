// Bounded nonlinear least squares (Levenberg-Marquardt with an active set), for functions that are costly
// and known by their values only.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

namespace foretoken {

struct LeastSquaresProblem {
  // Residuals at several points, which may be computed side by side.
  std::function<std::vector<Eigen::VectorXd>(const std::vector<Eigen::VectorXd>&)> residuals;
  Eigen::VectorXd start, least, most;
  Eigen::VectorXd step;   // of finite differences
  double ridge = 0;       // adds (ridge * x)^2 per unknown
  double tolerance = 1e-3;  // relative gain of the sum of squares below which the search ends
  int most_iterations = 20;
};
struct LeastSquaresSolution {
  Eigen::VectorXd x;
  Eigen::VectorXd residuals;  // without the ridge
  Eigen::MatrixXd jacobian;
  int evaluations = 0;
  bool converged = false;
};

// Central differences inside the bounds, one-sided at them.
[[nodiscard]] Eigen::MatrixXd jacobian_at(const LeastSquaresProblem& problem, const Eigen::VectorXd& x,
                                          const Eigen::VectorXd& residuals, int& evaluations);
[[nodiscard]] LeastSquaresSolution solve(const LeastSquaresProblem& problem);

}  // namespace foretoken
