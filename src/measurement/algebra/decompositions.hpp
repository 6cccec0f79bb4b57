// The decompositions of matrices that fits need, instantiated once: with them in every file that fits, Eigen's
// templates would take a compiler as long as the rest of the layer.
#pragma once

#include <Eigen/Core>

namespace foretoken {

/// The x [p x m] that minimise |a x - b| column by column, a [n x p] with n >= p, b [n x m]: Householder's QR with
/// pivots.
[[nodiscard]] Eigen::MatrixXd least_squares(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

/// The x [p x m] with a x = b, a [p x p] symmetric and positive definite: Cholesky's decomposition as L D L'.
[[nodiscard]] Eigen::MatrixXd solve_symmetric(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

/// Of a symmetric matrix [n x n].
struct PrincipalAxes {
  Eigen::VectorXd values;      // [n], rising
  Eigen::MatrixXd directions;  // [n x n], a column for each value
};
[[nodiscard]] PrincipalAxes principal_axes(const Eigen::MatrixXd& symmetric);

/// The natural logarithm of the determinant of a symmetric, positive definite matrix.
[[nodiscard]] double log_determinant(const Eigen::MatrixXd& symmetric);

/// Falling, min(n, p) of them; those below 1e-8 of the largest are only known to be small: the roots of the values of
/// a' a.
[[nodiscard]] Eigen::VectorXd singular_values(const Eigen::MatrixXd& a);

}  // namespace foretoken
