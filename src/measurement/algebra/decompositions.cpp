// The only file that reads Eigen's decompositions.
#include "measurement/algebra/decompositions.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace foretoken {

using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd least_squares(const MatrixXd& a, const MatrixXd& b) {
  return a.colPivHouseholderQr().solve(b);
}

MatrixXd solve_symmetric(const MatrixXd& a, const MatrixXd& b) {
  return a.ldlt().solve(b);
}

PrincipalAxes principal_axes(const MatrixXd& symmetric) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
  return {solver.eigenvalues(), solver.eigenvectors()};
}

double log_determinant(const MatrixXd& symmetric) {
  return symmetric.ldlt().vectorD().array().log().sum();
}

VectorXd singular_values(const MatrixXd& a) {
  if (a.size() == 0) return {};
  const MatrixXd square = a.rows() < a.cols() ? MatrixXd(a * a.transpose()) : MatrixXd(a.transpose() * a);
  return principal_axes(square).values.cwiseMax(0).cwiseSqrt().reverse();
}

}  // namespace foretoken
