// Bounded nonlinear least squares for functions that are costly, known by their values only, and grainy: a
// discrete simulation jumps a little wherever one request lands in another step. Levenberg-Marquardt with an
// active set comes near; then straight lines are laid through many points around, which the grain does not bend.
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
  double tolerance = 0.05;  // relative gain of the sum of squares below which the search ends
  int most_iterations = 12;
  int smoothing_rounds = 2;
};
struct LeastSquaresSolution {
  Eigen::VectorXd x;
  Eigen::VectorXd residuals;  // without the ridge; of the straight lines, free of the point's own grain
  Eigen::MatrixXd jacobian;
  int evaluations = 0;
  bool converged = false;
};

// Central differences inside the bounds, one-sided at them.
[[nodiscard]] Eigen::MatrixXd jacobian_at(const LeastSquaresProblem& problem, const Eigen::VectorXd& x,
                                          const Eigen::VectorXd& residuals, int& evaluations);
[[nodiscard]] LeastSquaresSolution solve(const LeastSquaresProblem& problem);

}  // namespace foretoken
