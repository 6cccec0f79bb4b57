// Least squares on the logarithms of simulated over measured latencies. The simulation draws the same random
// numbers at every point, so that differences between points are the terms' doing.
#include "study/calibration/fit.hpp"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>

#include "study/parallel.hpp"

namespace foretoken {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Nobody's mean latency repeats better than this from run to run.
constexpr double kRepeatability = 0.005;
// A term counts as determined when the data leave at most this share of what was not known before.
constexpr double kDetermined = 0.5;

bool counts(const Part& part) {
  return part.end > part.begin;
}

// The term among `others` whose effect is most like that of column k.
std::pair<std::size_t, double> most_alike(const MatrixXd& jacobian, Index k) {
  std::pair<std::size_t, double> best{0, 0};
  for (Index j = 0; j < jacobian.cols(); ++j) {
    const double norms = jacobian.col(j).norm() * jacobian.col(k).norm();
    if (j == k || !(norms > 0)) continue;
    const double cosine = std::abs(jacobian.col(j).dot(jacobian.col(k)) / norms);
    if (cosine > best.second) best = {static_cast<std::size_t>(j), cosine};
  }
  return best;
}

// Of what was not known beforehand, the share that an error of `x` on the searched scale leaves.
double left_over(double x) {
  return x / std::sqrt(1 + x * x);
}

std::string prior_text(const Term& term) {
  if (term.ratio) return fmt::format("{:.0f} %", term.prior * 100);
  return fmt::format("{:g} {}", term.prior / term.named->unit_in_si, term.named->unit);
}

// Takes a term out, and says why the data do not determine it.
void drop(Identified& identified, Index worst, const MatrixXd& jacobian, double scatter) {
  const Term& term = *identified.terms[static_cast<std::size_t>(worst)];
  const auto [other, cosine] = most_alike(jacobian, worst);
  std::string reason;
  if (cosine == 0 || jacobian.col(worst).norm() < std::sqrt(scatter) / kDetermined) {
    reason = fmt::format("moving it by {} changes these data no more than their scatter", prior_text(term));
  } else {
    reason = fmt::format("the data cannot tell it from {} (correlation of effects {:.2f})",
                         identified.terms[other]->named->name, cosine);
  }
  identified.kept.push_back({&term, std::move(reason), jacobian.col(worst)});
  identified.terms.erase(identified.terms.begin() + worst);
}

// What is kept, or ended at a bound, is not known exactly: the fitted terms make up for its error, by as much as their effects
// are alike. One unit of the searched scale is how well it is known.
void add_errors_of_kept(const Identified& identified, TermFit& fit) {
  std::vector<Index> free;
  for (std::size_t k = 0; k < fit.at_bound.size(); ++k) {
    if (!fit.at_bound[k]) free.push_back(static_cast<Index>(k));
  }
  MatrixXd jacobian(fit.jacobian.rows(), static_cast<Index>(free.size()));
  for (std::size_t k = 0; k < free.size(); ++k) jacobian.col(static_cast<Index>(k)) = fit.jacobian.col(free[k]);
  const Eigen::ColPivHouseholderQR<MatrixXd> solver(jacobian);
  std::vector<VectorXd> effects;
  for (const Identified::Kept& kept : identified.kept) effects.push_back(kept.effect);
  for (std::size_t k = 0; k < fit.at_bound.size(); ++k) {
    if (fit.at_bound[k]) effects.emplace_back(fit.jacobian.col(static_cast<Index>(k)));
  }
  for (const VectorXd& effect : effects) {
    if (free.empty() || effect.size() != jacobian.rows()) continue;
    const VectorXd shift = solver.solve(effect);
    for (std::size_t a = 0; a < free.size(); ++a) {
      for (std::size_t b = 0; b < free.size(); ++b)
        fit.covariance(free[a], free[b]) += shift[static_cast<Index>(a)] * shift[static_cast<Index>(b)];
    }
  }
}

MatrixXd without_column(const MatrixXd& m, Index column) {
  MatrixXd less(m.rows(), m.cols() - 1);
  less << m.leftCols(column), m.rightCols(m.cols() - column - 1);
  return less;
}

}  // namespace

Calibrator::Calibrator(const std::vector<RunToFit>& runs, std::vector<Part> parts, const CalibrationOptions& options,
                       std::int64_t& simulations)
    : runs_(runs), parts_(std::move(parts)), options_(options), simulations_(simulations) {
  scatter_.fill(kRepeatability);
}

std::vector<std::vector<PredictedRun>> Calibrator::predict_points(const std::vector<const Term*>& terms,
                                                                  const std::vector<VectorXd>& points,
                                                                  bool only_counted) {
  std::vector<std::vector<PredictedRun>> predictions(points.size(), std::vector<PredictedRun>(runs_.size()));
  parallel_for(points.size() * runs_.size(), options_.threads, [&](std::size_t i) {
    const std::size_t point = i / runs_.size();
    const std::size_t run = i % runs_.size();
    if (only_counted && !counts(parts_[run])) return;
    Scenario scenario = runs_[run].scenario;
    for (std::size_t t = 0; t < terms.size(); ++t)
      set_value(*terms[t], to_value(*terms[t], origin(*terms[t]), points[point][static_cast<Index>(t)]), scenario);
    predictions[point][run] = predict(runs_[run], scenario).value();
  });
  simulations_ += static_cast<std::int64_t>(points.size() * runs_.size());
  if (options_.progress) options_.progress({simulations_, std::nullopt});
  return predictions;
}

VectorXd Calibrator::residuals_of(const std::vector<PredictedRun>& predictions) const {
  std::vector<double> values;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (!counts(parts_[run])) continue;
    for (const Figure& f : figures(runs_[run].measured, predictions[run], parts_[run]))
      values.push_back(std::sqrt(f.weight) * std::log(f.predicted / f.measured) /
                       scatter_[static_cast<std::size_t>(f.latency)]);
  }
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Index>(values.size()));
}

std::vector<VectorXd> Calibrator::residuals(const std::vector<const Term*>& terms, const std::vector<VectorXd>& points) {
  std::vector<VectorXd> all;
  for (const auto& predictions : predict_points(terms, points, true)) all.push_back(residuals_of(predictions));
  return all;
}

std::vector<PredictedRun> Calibrator::predict_all(const std::vector<const Term*>& terms, const VectorXd& x) {
  return predict_points(terms, {x}, false).front();
}

std::int64_t Calibrator::figure_count() {
  return residuals({}, {VectorXd{}}).front().size();
}

double Calibrator::distance(const std::vector<const Term*>& terms, const VectorXd& x) {
  const std::vector<PredictedRun> predictions = predict_points(terms, {x}, true).front();
  double squares = 0, weights = 0;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (!counts(parts_[run])) continue;
    for (const Figure& f : figures(runs_[run].measured, predictions[run], parts_[run])) {
      squares += f.weight * std::pow(std::log(f.predicted / f.measured), 2);
      weights += f.weight;
    }
  }
  return weights > 0 ? std::sqrt(squares / weights) : 0;
}

// TTFT strays more from run to run than TPOT does; each counts by what it is worth.
void Calibrator::learn_scatter(const std::vector<const Term*>& terms, const VectorXd& x) {
  const std::vector<PredictedRun> predictions = predict_points(terms, {x}, true).front();
  std::array<double, kLatencies> squares{}, weights{};
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (!counts(parts_[run])) continue;
    for (const Figure& f : figures(runs_[run].measured, predictions[run], parts_[run])) {
      const auto l = static_cast<std::size_t>(f.latency);
      squares[l] += f.weight * std::pow(std::log(f.predicted / f.measured), 2);
      weights[l] += f.weight;
    }
  }
  for (std::size_t l = 0; l < kLatencies; ++l) {
    if (weights[l] > 0) scatter_[l] = std::max(kRepeatability, std::sqrt(squares[l] / weights[l]));
  }
}

// Of a weighted residual. Each latency of a run weighs 1 in all, in units of its scatter. Mean and percentiles
// of one latency stray together and say no more than one figure; groups of requests sent at different times do.
double Calibrator::variance(double sum_of_squares, std::size_t terms) const {
  double latencies = 0, independent = 0;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (!counts(parts_[run])) continue;
    const double own = static_cast<double>(fitted_latencies(runs_[run].measured));
    latencies += own;
    independent += own * static_cast<double>(independent_groups(runs_[run].measured, parts_[run]));
  }
  independent = std::max(1.0, independent);
  const double degrees = std::max(1.0, independent - static_cast<double>(terms));
  return std::max(sum_of_squares / degrees, latencies / independent);
}

LeastSquaresProblem Calibrator::problem(const std::vector<const Term*>& terms) {
  LeastSquaresProblem p;
  const auto n = static_cast<Index>(terms.size());
  p.start = VectorXd::Zero(n);
  p.least = p.most = p.step = VectorXd(n);
  for (Index k = 0; k < n; ++k) {
    const Term& term = *terms[static_cast<std::size_t>(k)];
    p.least[k] = least_x(term, origin(term));
    p.most[k] = most_x(term, origin(term));
    p.step[k] = term.fraction;
  }
  p.residuals = [this, terms](const std::vector<VectorXd>& points) { return residuals(terms, points); };
  return p;
}

// First all terms are fitted together, held near their defaults by what is known beforehand. Then the term
// about which the data say least is taken out, until each that remains is determined: its standard error
// is at most half of what one did not know, given the scatter of the data around the fit.
Identified Calibrator::identify(const std::vector<const Term*>& candidates) {
  Identified result;
  if (candidates.empty()) return result;
  LeastSquaresProblem p = problem(candidates);
  p.ridge = 1;
  p.tolerance = 0.1;
  p.most_iterations = 8;
  p.smoothing_rounds = 0;  // differences are exactly zero where a term does nothing
  LeastSquaresSolution s = solve(p);
  learn_scatter(candidates, s.x);
  p.start = s.x;
  s = solve(p);
  const double scatter = variance(s.residuals.squaredNorm(), candidates.size());
  MatrixXd jacobian = s.jacobian;
  const VectorXd singular = Eigen::JacobiSVD<MatrixXd>(jacobian).singularValues();
  for (Index k = 0; k < singular.size(); ++k) result.singular_values.push_back(singular[k] / std::sqrt(scatter));

  result.terms = candidates;
  while (!result.terms.empty()) {
    const auto n = static_cast<Index>(result.terms.size());
    const MatrixXd information = jacobian.transpose() * jacobian / scatter + MatrixXd::Identity(n, n);
    const VectorXd left = information.ldlt().solve(MatrixXd::Identity(n, n)).diagonal().cwiseSqrt();
    Index worst = 0;
    if (left.maxCoeff(&worst) <= kDetermined) break;
    drop(result, worst, jacobian, scatter);
    jacobian = without_column(jacobian, worst);
  }
  return result;
}

// Where the fit ends, terms may be told apart less well than where the selection looked.
TermFit Calibrator::fit_determined(Identified& identified) {
  while (true) {
    TermFit found = fit(identified.terms);
    Index worst = 0;
    const double error = found.covariance.diagonal().cwiseSqrt().maxCoeff(&worst);
    if (found.terms.size() <= 1 || left_over(error) <= kDetermined) {
      add_errors_of_kept(identified, found);
      return found;
    }
    drop(identified, worst, found.jacobian, found.scatter);
  }
}

TermFit Calibrator::fit(const std::vector<const Term*>& terms) {
  const LeastSquaresProblem p = problem(terms);
  const LeastSquaresSolution s = solve(p);
  TermFit fit{terms, s.x, {}, MatrixXd::Zero(s.x.size(), s.x.size()), s.residuals.squaredNorm(), s.jacobian, 0};
  std::vector<Index> free;
  for (Index k = 0; k < s.x.size(); ++k) {
    const bool bound = s.x[k] <= p.least[k] + 1e-9 || s.x[k] >= p.most[k] - 1e-9;
    fit.at_bound.push_back(bound);
    if (!bound) free.push_back(k);
  }
  const auto n = static_cast<Index>(free.size());
  MatrixXd jacobian(s.jacobian.rows(), n);
  for (Index k = 0; k < n; ++k) jacobian.col(k) = s.jacobian.col(free[static_cast<std::size_t>(k)]);
  fit.scatter = variance(fit.sum_of_squares, free.size());
  const MatrixXd covariance =
      fit.scatter * (jacobian.transpose() * jacobian).ldlt().solve(MatrixXd::Identity(n, n));
  for (Index a = 0; a < n; ++a) {
    for (Index b = 0; b < n; ++b)
      fit.covariance(free[static_cast<std::size_t>(a)], free[static_cast<std::size_t>(b)]) = covariance(a, b);
  }
  return fit;
}

}  // namespace foretoken
