// Which terms explain the data: every set of them is weighed, and what the data cannot tell apart is said.
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "measurement/calibration/fit.hpp"

namespace foretoken {

// Some terms, moved from their defaults until they fit the data best.
struct TermSet {
  std::vector<Eigen::Index> members;  // places in Explained::terms, rising
  Eigen::VectorXd x;                  // of all terms; 0 for those that are not members
  Eigen::MatrixXd covariance;         // of all terms; 0 for those that are not members
  Eigen::MatrixXd jacobian;           // a column per member
  std::vector<bool> at_bound;         // of the members
  double parameters = 0;              // how many the data determine
  double log_evidence = 0;
  double probability = 0;  // among the explanations looked at
};

struct Explained {
  std::vector<const Term*> terms;  // those that change these data at all
  std::vector<const Term*> inert;
  std::vector<TermSet> all;    // the fit, then the others, the most probable first
  Eigen::VectorXd inclusion;   // probability that a term departs from its default
  Eigen::MatrixXd covariance;  // about the fit, with the other explanations in it
  Eigen::MatrixXd effects;     // of one unit of each term, in units of the noise
  std::vector<double> singular_values;
  // Where it was simulated, and the log ratios of all figures there.
  std::vector<Eigen::VectorXd> points, values;
};

[[nodiscard]] Explained explain_data(Calibrator& calibrator, const std::vector<const Term*>& candidates);
// From some of the figures alone, given as places in those of `whole`; `calibrator` is of these. What was simulated for
// the whole is used again; which terms, how far and with how much noise is told by these figures.
[[nodiscard]] Explained explain_some(Calibrator& calibrator, const Explained& whole,
                                     const std::vector<Eigen::Index>& figures);

// A term departs from its default for sure when the odds are 20 to 1 (Kass and Raftery 1995: strong evidence).
inline constexpr double kSure = 20.0 / 21;
// A term counts as determined when its standard error is at most this share of its unit.
inline constexpr double kDetermined = 0.5;

}  // namespace foretoken
