// The fit of given terms: residuals in units of the noise, and least squares on them.
#pragma once

#include <Eigen/Core>
#include <array>
#include <functional>
#include <vector>

#include "measurement/calibration/calibrate.hpp"
#include "measurement/calibration/least_squares.hpp"
#include "measurement/calibration/prediction.hpp"
#include "measurement/calibration/terms.hpp"

namespace foretoken {

class Calibrator {
 public:
  // `parts` says which requests of each run count; an empty part leaves the run out.
  Calibrator(const std::vector<RunToFit>& runs, std::vector<Part> parts, const CalibrationOptions& options,
             std::int64_t& simulations);

  [[nodiscard]] double origin(const Term& term) const { return value_of(term, runs_.front().scenario); }
  [[nodiscard]] std::int64_t figure_count() const { return static_cast<std::int64_t>(layout_.size()); }
  // Places of the figures of a run.
  [[nodiscard]] std::vector<Eigen::Index> figures_of(std::size_t run) const;
  // How many figures stray independently of each other.
  [[nodiscard]] double observations() const;
  // Root mean square of the log ratios, each latency of a run counting once.
  [[nodiscard]] double distance(const std::vector<const Term*>& terms, const Eigen::VectorXd& x);
  // Logarithms of simulated over measured figures.
  [[nodiscard]] std::vector<Eigen::VectorXd> log_ratios(const std::vector<const Term*>& terms,
                                                        const std::vector<Eigen::VectorXd>& points);
  // Of log ratios to residuals: in units of the noise, so weighted that their squares count independent figures.
  [[nodiscard]] Eigen::VectorXd weights() const;
  // Least squares over the simulation itself.
  [[nodiscard]] LeastSquaresProblem problem(const std::vector<const Term*>& terms);
  // How far figures stray, by latency, from a fit with so many parameters; at least by the grain of the simulation.
  void learn_noise(const Eigen::VectorXd& log_ratios, const Eigen::VectorXd& grain, double parameters);
  // All runs, whole, with these terms.
  [[nodiscard]] std::vector<PredictedRun> predict_all(const std::vector<const Term*>& terms, const Eigen::VectorXd& x);

 private:
  // A figure's latency, and what it counts for.
  struct Place {
    Latency latency = Latency::ttft;
    double weight = 0;
    std::size_t run = 0;
  };
  [[nodiscard]] std::vector<std::vector<PredictedRun>> predict_points(const std::vector<const Term*>& terms,
                                                                      const std::vector<Eigen::VectorXd>& points,
                                                                      bool only_counted);
  [[nodiscard]] Eigen::VectorXd log_ratios_of(const std::vector<PredictedRun>& predictions) const;

  const std::vector<RunToFit>& runs_;
  std::vector<Part> parts_;
  const CalibrationOptions& options_;
  std::int64_t& simulations_;
  std::vector<Place> layout_;
  std::array<double, kLatencies> noise_;  // standard deviation of the logarithm, by latency
};

// What is believed about the noise before the data are seen: its size, worth as many figures.
inline constexpr double kUsualNoise = 0.02;
inline constexpr double kNoiseWorth = 4;

}  // namespace foretoken
