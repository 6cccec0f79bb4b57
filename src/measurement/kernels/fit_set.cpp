// Levenberg-Marquardt in the logarithms of the coefficients, between bounds.
#include "measurement/kernels/fit_set.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "measurement/algebra/decompositions.hpp"
#include "measurement/kernels/coefficient_bounds.hpp"

namespace foretoken {
namespace {

constexpr double kBend = 0.1;  // where a residual stops counting as its square
constexpr double kDifference = 1e-4;
constexpr int kMostIterations = 40;
constexpr double kGain = 1e-5;  // of the cost, below which the search ends
constexpr std::size_t kFolds = 4;

// The launches of a fit, and what it costs to be wrong about them.
class Problem {
 public:
  Problem(const CalibrationDevice& device, std::vector<const TableKernel*> kernels)
      : device_(device), kernels_(std::move(kernels)) {}

  [[nodiscard]] Eigen::VectorXd residuals(const Eigen::VectorXd& x) const {
    std::vector<double> coefficients;
    for (const double value : x) coefficients.push_back(std::exp(value));
    Eigen::VectorXd r(static_cast<Eigen::Index>(kernels_.size()));
    for (std::size_t i = 0; i < kernels_.size(); ++i) {
      const double seconds =
          kernel_seconds(device_, kernels_[i]->query, coefficients).value_or(0) + kernels_[i]->beside_us * 1e-6;
      r[static_cast<Eigen::Index>(i)] = std::log(std::max(seconds, 1e-12) / (kernels_[i]->measured_us * 1e-6));
    }
    return r;
  }
  static double weight(double r) { return 1 / std::sqrt(1 + r * r / (kBend * kBend)); }
  static double cost(const Eigen::VectorXd& r) {
    double sum = 0;
    for (const double one : r) sum += std::sqrt(1 + one * one / (kBend * kBend)) - 1;
    return sum;
  }
  [[nodiscard]] double mean_error(const Eigen::VectorXd& x) const {
    double sum = 0;
    for (const double r : residuals(x)) sum += std::abs(std::exp(r) - 1);
    return sum / static_cast<double>(kernels_.size());
  }
  [[nodiscard]] std::size_t size() const { return kernels_.size(); }

 private:
  const CalibrationDevice& device_;
  std::vector<const TableKernel*> kernels_;
};

struct Box {
  Eigen::VectorXd start, least, most;
};

Box box_of(const OperationCoefficients& operation) {
  const auto n = static_cast<Eigen::Index>(operation.names.size());
  Box box{Eigen::VectorXd(n), Eigen::VectorXd(n), Eigen::VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const CoefficientBounds b =
        coefficient_bounds(operation.operation, operation.names[static_cast<std::size_t>(i)].name);
    box.start[i] = std::log(b.start);
    box.least[i] = std::log(b.least);
    box.most[i] = std::log(b.most);
  }
  return box;
}

Eigen::MatrixXd jacobian(const Problem& problem, const Box& box, const Eigen::VectorXd& x, const Eigen::VectorXd& r) {
  Eigen::MatrixXd j(r.size(), x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const double h = x[i] + kDifference > box.most[i] ? -kDifference : kDifference;
    Eigen::VectorXd beside = x;
    beside[i] += h;
    j.col(i) = (problem.residuals(beside) - r) / h;
  }
  return j;
}

Eigen::VectorXd solve(const Problem& problem, const Box& box, Eigen::VectorXd x) {
  double damping = 1e-2;
  Eigen::VectorXd r = problem.residuals(x);
  double cost = Problem::cost(r);
  for (int iteration = 0; iteration < kMostIterations; ++iteration) {
    const Eigen::MatrixXd j = jacobian(problem, box, x, r);
    const Eigen::VectorXd w = r.unaryExpr([](double one) { return Problem::weight(one); });
    const Eigen::MatrixXd normal = j.transpose() * w.asDiagonal() * j;
    const Eigen::VectorXd gradient = j.transpose() * w.asDiagonal() * r;
    const double before = cost;
    for (int attempt = 0; attempt < 8 && cost == before; ++attempt) {
      Eigen::MatrixXd damped = normal;
      damped.diagonal() += damping * (normal.diagonal().array() + 1e-6).matrix();
      const Eigen::VectorXd step = solve_symmetric(damped, -gradient).cwiseMax(-1.0).cwiseMin(1.0);
      const Eigen::VectorXd next = (x + step).cwiseMax(box.least).cwiseMin(box.most);
      const Eigen::VectorXd at_next = problem.residuals(next);
      if (const double lower = Problem::cost(at_next); lower < cost) {
        x = next;
        r = at_next;
        cost = lower;
        damping = std::max(damping / 3, 1e-6);
      } else {
        damping *= 4;
      }
    }
    if (before - cost <= kGain * before) break;
  }
  return x;
}

// Whole families, so that none is on both sides; the largest first, each into the smallest fold.
std::vector<std::vector<const TableKernel*>> folds_of(std::span<const TableKernel* const> kernels) {
  std::map<std::string, std::vector<const TableKernel*>> families;
  for (const TableKernel* k : kernels) families[k->family].push_back(k);
  std::vector<std::vector<const TableKernel*>> sorted;
  for (auto& [name, family] : families) sorted.push_back(std::move(family));
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::vector<std::vector<const TableKernel*>> folds(std::min(kFolds, sorted.size()));
  for (const auto& family : sorted) {
    auto& fold =
        *std::min_element(folds.begin(), folds.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    fold.insert(fold.end(), family.begin(), family.end());
  }
  return folds;
}

double held_out_error(const CalibrationDevice& device, const Box& box, const Eigen::VectorXd& start,
                      std::span<const TableKernel* const> kernels) {
  const auto folds = folds_of(kernels);
  if (folds.size() < 2) return 0;
  double sum = 0;
  for (std::size_t left_out = 0; left_out < folds.size(); ++left_out) {
    std::vector<const TableKernel*> others;
    for (std::size_t i = 0; i < folds.size(); ++i) {
      if (i != left_out) others.insert(others.end(), folds[i].begin(), folds[i].end());
    }
    const Problem seen(device, std::move(others));
    const Problem unseen(device, folds[left_out]);
    sum += unseen.mean_error(solve(seen, box, start)) * static_cast<double>(unseen.size());
  }
  return sum / static_cast<double>(kernels.size());
}

}  // namespace

FittedSet fit_set(const OperationCoefficients& operation, const CalibrationDevice& device,
                  std::span<const TableKernel* const> kernels) {
  const Box box = box_of(operation);
  const Problem problem(device, {kernels.begin(), kernels.end()});
  const Eigen::VectorXd x = solve(problem, box, box.start);
  FittedSet fitted;
  for (const double value : x) fitted.coefficients.push_back(std::exp(value));
  fitted.error = problem.mean_error(x);
  // From the start, not from the answer: what is left out may not have told anything.
  fitted.held_out_error = held_out_error(device, box, box.start, kernels);
  return fitted;
}

}  // namespace foretoken
