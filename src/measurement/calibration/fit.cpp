// Least squares on the logarithms of simulated over measured latencies. The simulation draws the same random
// numbers at every point, so that differences between points are the terms' doing.
#include "measurement/calibration/fit.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/parallel.hpp"

namespace foretoken {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// Nobody's mean latency repeats better than this from run to run.
constexpr double kRepeatability = 0.005;

bool counts(const Part& part) {
  return part.end > part.begin;
}

}  // namespace

Calibrator::Calibrator(const std::vector<RunToFit>& runs, std::vector<Part> parts, const CalibrationOptions& options,
                       std::int64_t& simulations)
    : runs_(runs), parts_(std::move(parts)), options_(options), simulations_(simulations) {
  noise_.fill(kUsualNoise);
  const std::vector<PredictedRun> predictions = predict_points({}, {VectorXd{}}, true).front();
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (!counts(parts_[run])) continue;
    const MeasuredRun& m = runs_[run].measured;
    const double share = static_cast<double>(independent_groups(m, parts_[run]) * independent_latencies(m)) /
                         static_cast<double>(fitted_latencies(m));
    for (const Figure& f : figures(m, predictions[run], parts_[run]))
      layout_.push_back({f.latency, f.weight * share, run});
  }
}

std::vector<Index> Calibrator::figures_of(std::size_t run) const {
  std::vector<Index> places;
  for (std::size_t i = 0; i < layout_.size(); ++i) {
    if (layout_[i].run == run) places.push_back(static_cast<Index>(i));
  }
  return places;
}

double Calibrator::observations() const {
  double sum = 0;
  for (const Place& place : layout_) sum += place.weight;
  return sum;
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
    predictions[point][run] = predict(runs_[run], scenario, options_.stop).value();
  });
  simulations_ += static_cast<std::int64_t>(points.size() * runs_.size());
  if (options_.progress) options_.progress({simulations_, std::nullopt});
  return predictions;
}

VectorXd Calibrator::log_ratios_of(const std::vector<PredictedRun>& predictions) const {
  VectorXd values(static_cast<Index>(layout_.size()));
  Index at = 0;
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (!counts(parts_[run])) continue;
    for (const Figure& f : figures(runs_[run].measured, predictions[run], parts_[run])) {
      invariant(at < values.size(), "a figure more than at the defaults");
      values[at++] = std::log(f.predicted / f.measured);
    }
  }
  invariant(at == values.size(), "a figure less than at the defaults");
  return values;
}

std::vector<VectorXd> Calibrator::log_ratios(const std::vector<const Term*>& terms,
                                             const std::vector<VectorXd>& points) {
  std::vector<VectorXd> all;
  for (const auto& predictions : predict_points(terms, points, true)) all.push_back(log_ratios_of(predictions));
  return all;
}

VectorXd Calibrator::weights() const {
  VectorXd values(static_cast<Index>(layout_.size()));
  for (std::size_t i = 0; i < layout_.size(); ++i)
    values[static_cast<Index>(i)] = std::sqrt(layout_[i].weight) / noise_[static_cast<std::size_t>(layout_[i].latency)];
  return values;
}

std::vector<PredictedRun> Calibrator::predict_all(const std::vector<const Term*>& terms, const VectorXd& x) {
  return predict_points(terms, {x}, false).front();
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

// TTFT strays more from run to run than TPOT does; each counts by what it is worth. Few figures of one latency say
// little about their scatter, so it leans on that of all, and that on what is usual.
void Calibrator::learn_noise(const VectorXd& log_ratios, const VectorXd& grain, double parameters) {
  std::array<double, kLatencies> squares{}, grains{}, weights{};
  double all_squares = 0;
  for (std::size_t i = 0; i < layout_.size(); ++i) {
    const auto row = static_cast<Index>(i);
    const auto l = static_cast<std::size_t>(layout_[i].latency);
    const double weight = layout_[i].weight;
    squares[l] += weight * log_ratios[row] * log_ratios[row];
    grains[l] += weight * grain[row] * grain[row];
    weights[l] += weight;
    all_squares += weight * log_ratios[row] * log_ratios[row];
  }
  const double all = observations();
  const double free = std::max(0.0, all - parameters);
  const double common = (kNoiseWorth * kUsualNoise * kUsualNoise + all_squares) / (kNoiseWorth + free);
  for (std::size_t l = 0; l < kLatencies; ++l) {
    if (!(weights[l] > 0)) continue;
    const double own = (kNoiseWorth * common + squares[l]) / (kNoiseWorth + weights[l] * free / all);
    noise_[l] = std::sqrt(std::max(own, kRepeatability * kRepeatability + grains[l] / weights[l]));
  }
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
  p.prior = true;
  p.residuals = [this, terms](const std::vector<VectorXd>& points) {
    std::vector<VectorXd> all = log_ratios(terms, points);
    for (VectorXd& values : all) values = values.cwiseProduct(weights());
    return all;
  };
  return p;
}

}  // namespace foretoken
