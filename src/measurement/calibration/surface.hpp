// A quadratic surface laid through the values of grainy functions at many points: a discrete simulation jumps a little
// wherever one request lands in another step, and the surface passes through the middle of the jumps.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace foretoken {

// Where a surface is wanted: a Gaussian's worth around a centre, inside a box.
struct Region {
  Eigen::VectorXd centre;
  Eigen::MatrixXd covariance;
  Eigen::VectorXd least, most;
};
// Points spread evenly over the region, out to two and a half standard deviations; `first` numbers them on from
// an earlier set. Enough for a surface, with several to spare for each of its coefficients.
[[nodiscard]] std::vector<Eigen::VectorXd> points_over(const Region& region, int first);

class Surface {
 public:
  // Row i of `values` belongs to points[i].
  Surface(const std::vector<Eigen::VectorXd>& points, const std::vector<Eigen::VectorXd>& values);
  [[nodiscard]] Eigen::VectorXd at(const Eigen::VectorXd& x) const;
  // Standard deviation of each value around the surface.
  [[nodiscard]] const Eigen::VectorXd& grain() const { return grain_; }

 private:
  [[nodiscard]] Eigen::RowVectorXd powers(const Eigen::VectorXd& x) const;

  Eigen::VectorXd centre_, scale_;
  Eigen::MatrixXd coefficients_;
  Eigen::VectorXd grain_;
};

}  // namespace foretoken
