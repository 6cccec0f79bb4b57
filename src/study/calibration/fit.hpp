// The fit itself: which terms the data determine, and their values.
#pragma once

#include <Eigen/Core>
#include <array>
#include <functional>
#include <vector>

#include "foretoken/study/calibrate.hpp"
#include "study/calibration/least_squares.hpp"
#include "study/calibration/prediction.hpp"
#include "study/calibration/terms.hpp"

namespace foretoken {

// Terms with their values, and how well the data hold them.
struct TermFit {
  std::vector<const Term*> terms;
  Eigen::VectorXd x;           // on the searched scale
  std::vector<bool> at_bound;
  Eigen::MatrixXd covariance;  // of x; zero rows for terms at a bound
  double sum_of_squares = 0;
  Eigen::MatrixXd jacobian;
  double scatter = 0;  // variance of a weighted residual
};

struct Identified {
  std::vector<const Term*> terms;
  struct Kept {
    const Term* term = nullptr;
    std::string reason;
    Eigen::VectorXd effect = {};  // on the residuals, of one unit of the searched scale; empty = none
  };
  std::vector<Kept> kept;
  std::vector<double> singular_values;
};

class Calibrator {
 public:
  // Scatter of another fit of the same runs, to start from.
  void take_scatter(const Calibrator& other) { scatter_ = other.scatter_; }
  // `parts` says which requests of each run count; an empty part leaves the run out.
  Calibrator(const std::vector<RunToFit>& runs, std::vector<Part> parts, const CalibrationOptions& options,
             std::int64_t& simulations);

  [[nodiscard]] double origin(const Term& term) const { return value_of(term, runs_.front().scenario); }
  [[nodiscard]] std::int64_t figure_count();
  // Root mean square of the log ratios, each latency of a run counting once.
  [[nodiscard]] double distance(const std::vector<const Term*>& terms, const Eigen::VectorXd& x);
  [[nodiscard]] Identified identify(const std::vector<const Term*>& candidates);
  // Takes further terms out of `identified` until each that remains is determined.
  [[nodiscard]] TermFit fit_determined(Identified& identified);
  [[nodiscard]] TermFit fit(const std::vector<const Term*>& terms);
  // All runs, whole, with these terms.
  [[nodiscard]] std::vector<PredictedRun> predict_all(const std::vector<const Term*>& terms, const Eigen::VectorXd& x);

 private:
  [[nodiscard]] std::vector<Eigen::VectorXd> residuals(const std::vector<const Term*>& terms,
                                                       const std::vector<Eigen::VectorXd>& points);
  [[nodiscard]] std::vector<std::vector<PredictedRun>> predict_points(const std::vector<const Term*>& terms,
                                                                      const std::vector<Eigen::VectorXd>& points,
                                                                      bool only_counted);
  [[nodiscard]] Eigen::VectorXd residuals_of(const std::vector<PredictedRun>& predictions) const;
  void learn_scatter(const std::vector<const Term*>& terms, const Eigen::VectorXd& x);
  [[nodiscard]] double variance(double sum_of_squares, std::size_t terms) const;
  [[nodiscard]] LeastSquaresProblem problem(const std::vector<const Term*>& terms);

  const std::vector<RunToFit>& runs_;
  std::vector<Part> parts_;
  const CalibrationOptions& options_;
  std::int64_t& simulations_;
  // How far figures stray from the fit, by latency: what repeats well counts more.
  std::array<double, kLatencies> scatter_;
};

}  // namespace foretoken
