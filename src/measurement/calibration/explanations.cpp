// Bayesian model averaging over sets of terms. Constants and sources: src/measurement/calibration/README.md.
#include "measurement/calibration/explanations.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "base/quantiles.hpp"
#include "measurement/algebra/decompositions.hpp"
#include "measurement/calibration/surface.hpp"

namespace foretoken {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Occam's window (Madigan and Raftery 1994): sets less probable by this factor than the best are left out. On straight
// lines through one far point the judgement is rougher, and the window wider.
const double kWindow = std::log(1e3);
const double kRoughWindow = std::log(1e6);
constexpr int kSurfaces = 2;
// Of the published fits in terms.cpp, per step and per sequence lie off a present engine's in five generations of
// eight; efficiencies and the way to the scheduler always do a little: four terms of five depart from their defaults.
constexpr double kOddsOfDeparture = 4;
// A term whose unit moves all figures together by less than this many standard deviations does nothing here.
constexpr double kInert = 0.05;

double cauchy_mass(double least, double most) {
  return (std::atan(most) - std::atan(least)) / std::numbers::pi;
}

double normal_mass(double least, double most) {
  return 0.5 * (std::erf(most / std::numbers::sqrt2) - std::erf(least / std::numbers::sqrt2));
}

// Of the unknowns where the search ended, with the variance of a residual that is left there.
MatrixXd covariance_of(const LeastSquaresSolution& s, double variance) {
  const Index n = s.x.size();
  MatrixXd information = s.jacobian.transpose() * s.jacobian / variance;
  for (Index k = 0; k < n; ++k) information(k, k) += 2 / (1 + s.x[k] * s.x[k]);
  return solve_symmetric(information, MatrixXd::Identity(n, n));
}

double variance_of(const LeastSquaresSolution& s, double observations) {
  return (kNoiseWorth + s.residuals.squaredNorm()) / (kNoiseWorth + observations);
}

// How many parameters the data determine: each counts by the share of its prior that they replace.
double parameters_of(const LeastSquaresSolution& s) {
  return s.x.size() == 0 ? 0 : (covariance_of(s, 1) * s.jacobian.transpose() * s.jacobian).trace();
}

// The logarithm of the probability of the data, by Laplace's method: t-distributed residuals, whose scale is known no
// better than the data tell it, and terms spread over their priors.
double log_evidence(const LeastSquaresSolution& s, const LeastSquaresProblem& p, double observations) {
  const double variance = variance_of(s, observations);
  double sum = -0.5 * (kNoiseWorth + observations) * std::log(variance);
  if (s.x.size() == 0) return sum;
  const MatrixXd covariance = covariance_of(s, variance);
  sum += 0.5 * log_determinant(covariance);
  for (Index k = 0; k < s.x.size(); ++k) {
    const double error = std::sqrt(covariance(k, k));
    const double inside = normal_mass((p.least[k] - s.x[k]) / error, (p.most[k] - s.x[k]) / error);
    sum += 0.5 * std::log(2 * std::numbers::pi) + std::log(inside);
    sum += std::log(kOddsOfDeparture);
    sum -= std::log(std::numbers::pi * (1 + s.x[k] * s.x[k]) * cauchy_mass(p.least[k], p.most[k]));
  }
  return sum;
}

TermSet explanation_of(const LeastSquaresSolution& s, const LeastSquaresProblem& p, const std::vector<Index>& members,
                       Index terms, double observations) {
  TermSet e{members, VectorXd::Zero(terms), MatrixXd::Zero(terms, terms),     s.jacobian,
            {},      parameters_of(s),      log_evidence(s, p, observations), 0};
  if (members.empty()) return e;
  // Two standard errors hold the truth in 95 of 100 cases, however few figures tell the noise.
  const double degrees = kNoiseWorth + std::max(0.0, observations - e.parameters);
  const double wider = students_t_quantile(0.975, degrees) / 1.96;
  const MatrixXd covariance = covariance_of(s, variance_of(s, observations)) * wider * wider;
  for (std::size_t a = 0; a < members.size(); ++a) {
    const auto row = static_cast<Index>(a);
    e.x[members[a]] = s.x[row];
    e.at_bound.push_back(s.x[row] <= p.least[row] + 1e-9 || s.x[row] >= p.most[row] - 1e-9);
    for (std::size_t b = 0; b < members.size(); ++b)
      e.covariance(members[a], members[b]) = covariance(row, static_cast<Index>(b));
  }
  return e;
}

std::vector<Index> members_in(std::size_t set, Index terms) {
  std::vector<Index> members;
  for (Index k = 0; k < terms; ++k) {
    if ((set >> static_cast<std::size_t>(k) & 1) != 0) members.push_back(k);
  }
  return members;
}

// Residuals and their bounds as functions of all terms, cheap to ask.
struct Model {
  std::function<VectorXd(const VectorXd&)> residuals;
  LeastSquaresProblem bounds;
  double observations = 0;
};

// Some of the terms moved to where they fit best.
TermSet best_of(const Model& model, const std::vector<Index>& members, const VectorXd& start) {
  const Index n = start.size();
  const auto count = static_cast<Index>(members.size());
  LeastSquaresProblem p;
  p.prior = true;
  p.start = p.least = p.most = VectorXd(count);
  p.step = VectorXd::Constant(count, 0.01);
  for (Index a = 0; a < count; ++a) {
    const Index k = members[static_cast<std::size_t>(a)];
    p.start[a] = start[k];
    p.least[a] = model.bounds.least[k];
    p.most[a] = model.bounds.most[k];
  }
  p.residuals = [&](const std::vector<VectorXd>& points) {
    std::vector<VectorXd> values;
    for (const VectorXd& point : points) {
      VectorXd x = VectorXd::Zero(n);
      for (Index a = 0; a < count; ++a) x[members[static_cast<std::size_t>(a)]] = point[a];
      values.push_back(model.residuals(x));
    }
    return values;
  };
  p.tolerance = 1e-6;
  p.most_iterations = 30;
  return explanation_of(solve(p), p, members, n, model.observations);
}

// Sets of terms that explain the data, the most probable first.
std::vector<TermSet> explanations(const Model& model, const std::vector<std::vector<Index>>& sets,
                                  const VectorXd& start, double window) {
  std::vector<TermSet> all;
  for (const std::vector<Index>& members : sets) all.push_back(best_of(model, members, start));
  std::stable_sort(all.begin(), all.end(),
                   [](const TermSet& a, const TermSet& b) { return a.log_evidence > b.log_evidence; });
  const double least = all.front().log_evidence - window;
  std::erase_if(all, [&](const TermSet& e) { return !(e.log_evidence >= least); });
  double sum = 0;
  for (TermSet& e : all) sum += e.probability = std::exp(e.log_evidence - all.front().log_evidence);
  for (TermSet& e : all) e.probability /= sum;
  return all;
}

// Where the truth may be, given all explanations.
Region region_of(const std::vector<TermSet>& all, const LeastSquaresProblem& bounds) {
  const Index n = bounds.least.size();
  Region region{VectorXd::Zero(n), MatrixXd::Zero(n, n), bounds.least, bounds.most};
  for (const TermSet& e : all) region.centre += e.probability * e.x;
  for (const TermSet& e : all) {
    const VectorXd away = e.x - region.centre;
    region.covariance += e.probability * (e.covariance + away * away.transpose());
  }
  return region;
}

// The fit of all terms together, after those that do nothing here are taken out.
LeastSquaresSolution fit_all(Calibrator& calibrator, const std::vector<const Term*>& candidates, Explained& result) {
  LeastSquaresProblem p = calibrator.problem(candidates);
  p.most_iterations = 6;
  LeastSquaresSolution s = solve(p);
  std::vector<Index> acting;
  for (Index k = 0; k < s.x.size(); ++k) {
    const Term* term = candidates[static_cast<std::size_t>(k)];
    if (s.jacobian.col(k).norm() < kInert) {
      result.inert.push_back(term);
    } else {
      result.terms.push_back(term);
      acting.push_back(k);
    }
  }
  s.x = VectorXd(s.x(acting));
  s.jacobian = MatrixXd(s.jacobian(Eigen::all, acting));
  return s;
}

// Mean square distance of the truth from the fit: what each explanation does not know, and how far it lies from it
// (Hoeting, Madigan, Raftery and Volinsky 1999).
void weigh(Explained& result) {
  const auto n = static_cast<Index>(result.terms.size());
  result.inclusion = VectorXd::Zero(n);
  result.covariance = MatrixXd::Zero(n, n);
  for (const TermSet& e : result.all) {
    for (const Index k : e.members) result.inclusion[k] += e.probability;
    const VectorXd away = e.x - result.all.front().x;
    result.covariance += e.probability * (e.covariance + away * away.transpose());
  }
}

std::vector<std::vector<Index>> members_of(const std::vector<TermSet>& all) {
  std::vector<std::vector<Index>> sets;
  for (const TermSet& e : all) sets.push_back(e.members);
  return sets;
}

std::vector<std::vector<Index>> all_sets(Index terms) {
  std::vector<std::vector<Index>> sets;
  for (std::size_t set = 0; set < std::size_t{1} << static_cast<std::size_t>(terms); ++set)
    sets.push_back(members_in(set, terms));
  return sets;
}

// More points where the truth may be, the surface through all of them, the noise around it, and what explains the data
// on it.
class Refiner {
 public:
  Refiner(Calibrator& calibrator, Explained& result)
      : calibrator_(calibrator),
        result_(result),
        model_{{}, calibrator.problem(result.terms), calibrator.observations()} {}

  [[nodiscard]] const Model& model() const { return model_; }
  void look_at_more_points() {
    const std::vector<VectorXd> more =
        points_over(region_of(result_.all, model_.bounds), 1 + static_cast<int>(result_.points.size()));
    const std::vector<VectorXd> ratios = calibrator_.log_ratios(result_.terms, more);
    result_.points.insert(result_.points.end(), more.begin(), more.end());
    result_.values.insert(result_.values.end(), ratios.begin(), ratios.end());
  }
  void explain(const std::vector<std::vector<Index>>& sets, double window) {
    const Surface surface(result_.points, result_.values);
    const auto n = static_cast<Index>(result_.terms.size());
    VectorXd start = result_.all.empty() ? VectorXd::Zero(n) : region_of(result_.all, model_.bounds).centre;
    VectorXd weights = calibrator_.weights();
    model_.residuals = [&](const VectorXd& x) { return VectorXd(surface.at(x).cwiseProduct(weights)); };
    for (int round = 0; round < 2; ++round) {  // the noise weighs the figures, and the fit shows the noise
      const TermSet together = best_of(model_, all_sets(n).back(), start);
      start = together.x;
      result_.effects = together.jacobian;
      calibrator_.learn_noise(surface.at(start), surface.grain(), together.parameters);
      weights = calibrator_.weights();
    }
    result_.all = explanations(model_, sets, start, window);
  }

 private:
  Calibrator& calibrator_;
  Explained& result_;
  Model model_;
};

// An explanation more probable by less than this is "not worth more than a bare mention" (Kass and Raftery 1995): of
// those so near to the most probable one, that which moves the fewest terms is the fit.
constexpr double kBareMention = 3;

void put_simplest_first(std::vector<TermSet>& all) {
  auto simplest = all.begin();
  for (auto e = all.begin(); e != all.end(); ++e) {
    if (e->probability * kBareMention >= all.front().probability && e->members.size() < simplest->members.size())
      simplest = e;
  }
  std::rotate(all.begin(), simplest, simplest + 1);
}

void finish(Explained& result) {
  put_simplest_first(result.all);
  weigh(result);
  const VectorXd singular = singular_values(result.effects);
  result.singular_values.assign(singular.begin(), singular.end());
}

}  // namespace

Explained explain_data(Calibrator& calibrator, const std::vector<const Term*>& candidates) {
  Explained result;
  const LeastSquaresSolution full = fit_all(calibrator, candidates, result);
  if (result.terms.empty()) return result;
  Refiner refiner(calibrator, result);
  Model lines = refiner.model();
  lines.residuals = [&](const VectorXd& x) { return VectorXd(full.residuals + full.jacobian * (x - full.x)); };
  result.all = explanations(lines, all_sets(static_cast<Index>(result.terms.size())), full.x, kRoughWindow);
  const std::vector<std::vector<Index>> sets = members_of(result.all);
  for (int round = 1; round <= kSurfaces; ++round) {
    refiner.look_at_more_points();
    refiner.explain(sets, round < kSurfaces ? kRoughWindow : kWindow);
  }
  finish(result);
  return result;
}

Explained explain_some(Calibrator& calibrator, const Explained& whole, const std::vector<Index>& figures) {
  Explained result;
  result.terms = whole.terms;
  result.inert = whole.inert;
  result.points = whole.points;
  for (const VectorXd& values : whole.values) result.values.emplace_back(values(figures));
  Refiner refiner(calibrator, result);
  const std::vector<std::vector<Index>> sets = all_sets(static_cast<Index>(result.terms.size()));
  refiner.explain(sets, kRoughWindow);
  refiner.look_at_more_points();
  refiner.explain(sets, kWindow);
  finish(result);
  return result;
}

}  // namespace foretoken
