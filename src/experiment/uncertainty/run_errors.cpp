// Quantiles of measured / predicted by group, and points that fill their joint distribution evenly.
#include <algorithm>
#include <cmath>
#include <map>

#include "foretoken/experiment/uncertainty.hpp"
#include "workload/lengths/distributions.hpp"

namespace foretoken {
namespace {

using Levels = std::array<double, RunErrors::kLevels.size()>;

const Levels& level_scores() {
  static const Levels scores = [] {
    Levels s{};
    for (std::size_t i = 0; i < s.size(); ++i) s[i] = normal_quantile(RunErrors::kLevels[i]);
    return s;
  }();
  return scores;
}

constexpr std::size_t kMedian = RunErrors::kLevels.size() / 2;

// Straight through (x, y) in rising x; beyond the ends the slope is that from the middle to them.
template <class Values>
double interpolate(const Values& x, const Values& y, std::size_t middle, double at) {
  const std::size_t last = x.size() - 1;
  const auto beyond = [&](std::size_t end) {
    const double run = x[end] - x[middle];
    return run == 0 ? y[end] : y[end] + (at - x[end]) * (y[end] - y[middle]) / run;
  };
  if (at <= x[0]) return beyond(0);
  if (at >= x[last]) return beyond(last);
  const auto next = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), at) - x.begin());
  const double width = x[next] - x[next - 1];
  return width <= 0 ? y[next] : y[next - 1] + (y[next] - y[next - 1]) * (at - x[next - 1]) / width;
}

struct Weighted {
  double value = 0;
  double weight = 0;
};

struct Group {
  ErrorMetric metric = ErrorMetric::ttft;
  std::string engine;
  std::optional<bool> inside_range;

  [[nodiscard]] bool has(const RunErrorSample& s) const {
    return s.log_ratio[static_cast<std::size_t>(metric)] && (engine.empty() || s.engine == engine) &&
           (!inside_range || s.inside_range == *inside_range);
  }
};

std::map<std::string, int> rows_by_cell(std::span<const RunErrorSample> samples, const Group& group) {
  std::map<std::string, int> rows;
  for (const RunErrorSample& s : samples) {
    if (group.has(s)) ++rows[s.cell];
  }
  return rows;
}

void add_values(std::span<const RunErrorSample> samples, const Group& group, double worth_of_a_cell,
                std::vector<Weighted>& values) {
  const std::map<std::string, int> rows = rows_by_cell(samples, group);
  for (const RunErrorSample& s : samples) {
    if (!group.has(s)) continue;
    values.push_back({*s.log_ratio[static_cast<std::size_t>(group.metric)], worth_of_a_cell / rows.at(s.cell)});
  }
}

RunErrors errors_of(std::span<const RunErrorSample> samples, const Group& group) {
  const auto cells = static_cast<int>(rows_by_cell(samples, group).size());
  RunErrors errors{group.metric, group.engine, group.inside_range, cells, {}};
  const Group everything{group.metric, {}, {}};
  std::vector<Weighted> values;
  add_values(samples, everything, kPooledSystems / static_cast<double>(rows_by_cell(samples, everything).size()),
             values);
  if (!group.engine.empty()) add_values(samples, group, 1, values);
  std::stable_sort(values.begin(), values.end(),
                   [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
  // Plotting positions k / (n + 1) of n systems: the next one lies beyond the last with probability 1 / (n + 1).
  const double n = errors.worth();
  std::vector<double> scores, logs;
  double below = 0;
  for (const Weighted& v : values) {
    scores.push_back(normal_quantile((below + v.weight / 2 + 0.5) / (n + 1)));
    logs.push_back(v.value);
    below += v.weight;
  }
  const auto middle = static_cast<std::size_t>(std::lower_bound(scores.begin(), scores.end(), 0.0) - scores.begin());
  for (std::size_t i = 0; i < errors.quantiles.size(); ++i)
    errors.quantiles[i] = interpolate(scores, logs, std::min(middle, scores.size() - 1), level_scores()[i]);
  // Beyond few systems the line may fall.
  for (std::size_t i = kMedian + 1; i < errors.quantiles.size(); ++i)
    errors.quantiles[i] = std::max(errors.quantiles[i], errors.quantiles[i - 1]);
  for (std::size_t i = kMedian; i-- > 0;) errors.quantiles[i] = std::min(errors.quantiles[i], errors.quantiles[i + 1]);
  return errors;
}

double correlation_of(std::span<const RunErrorSample> samples, const RunErrorTable& table, std::size_t a,
                      std::size_t b) {
  std::map<std::string, int> rows;
  const auto both = [&](const RunErrorSample& s) { return s.log_ratio[a] && s.log_ratio[b]; };
  for (const RunErrorSample& s : samples) {
    if (both(s)) ++rows[s.cell];
  }
  double ab = 0, aa = 0, bb = 0;
  for (const RunErrorSample& s : samples) {
    if (!both(s)) continue;
    const auto score = [&](std::size_t m) {
      return table.of(static_cast<ErrorMetric>(m), s.engine, s.inside_range)->score(*s.log_ratio[m]);
    };
    const double x = score(a), y = score(b), weight = 1.0 / rows.at(s.cell);
    ab += weight * x * y;
    aa += weight * x * x;
    bb += weight * y * y;
  }
  // Never so close to a line that the factors below lose their digits.
  return aa > 0 && bb > 0 ? std::clamp(ab / std::sqrt(aa * bb), -0.98, 0.98) : 0;
}

// Square roots of different primes are independent over the rationals: Kronecker's sequence fills the cube evenly.
double lattice_score(std::size_t draw, std::size_t dimension) {
  constexpr int kPrimes[] = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29,  31,  37,  41,  43,  47,  53,
                             59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131};
  const double at = (static_cast<double>(draw) + 1) * std::sqrt(kPrimes[dimension % std::size(kPrimes)]);
  return normal_quantile(std::clamp(at - std::floor(at), 1e-9, 1 - 1e-9));
}

}  // namespace

std::string_view to_string(ErrorMetric metric) {
  constexpr std::string_view kNames[kErrorMetrics] = {"TTFT", "TPOT", "E2E", "throughput"};
  return kNames[static_cast<std::size_t>(metric)];
}

int RunErrors::worth() const {
  return (engine.empty() ? 0 : cells) + kPooledSystems;
}

double RunErrors::quantile(double score) const {
  return interpolate(level_scores(), quantiles, kMedian, score);
}

double RunErrors::score(double log_ratio) const {
  return interpolate(quantiles, level_scores(), kMedian, log_ratio);
}

const RunErrors* RunErrorTable::of(ErrorMetric metric, std::string_view engine, bool inside_range) const {
  const RunErrors* best = nullptr;
  int best_rank = 0;
  for (const RunErrors& g : groups) {
    if (g.metric != metric || (!g.engine.empty() && g.engine != engine)) continue;
    if (g.inside_range && *g.inside_range != inside_range) continue;
    const int rank = 1 + (g.inside_range ? 1 : 0) + (g.engine.empty() ? 0 : 2);
    if (rank > best_rank) best = &g;
    best_rank = std::max(best_rank, rank);
  }
  return best;
}

RunErrorTable fit_run_errors(std::span<const RunErrorSample> samples) {
  RunErrorTable table;
  std::vector<std::string> engines{""};
  for (const RunErrorSample& s : samples) engines.push_back(s.engine);
  std::sort(engines.begin(), engines.end());
  engines.erase(std::unique(engines.begin(), engines.end()), engines.end());
  for (std::size_t m = 0; m < kErrorMetrics; ++m) {
    for (const std::string& engine : engines) {
      for (const std::optional<bool> inside :
           {std::optional<bool>(true), std::optional<bool>(false), std::optional<bool>()}) {
        const Group group{static_cast<ErrorMetric>(m), engine, inside};
        const bool possible = !engine.empty() || !inside;
        if (possible && !rows_by_cell(samples, group).empty()) table.groups.push_back(errors_of(samples, group));
      }
    }
  }
  for (std::size_t a = 0; a < kErrorMetrics; ++a) {
    for (std::size_t b = 0; b < kErrorMetrics; ++b)
      table.correlation[a][b] = a == b ? 1 : correlation_of(samples, table, a, b);
  }
  return table;
}

Probability limited_by_data(double probability, int systems) {
  const double end = 1.0 / (systems + 1);
  if (probability > 1 - end) return {1 - end, Probability::End::at_least};
  if (probability < end) return {end, Probability::End::at_most};
  return {probability, Probability::End::none};
}

double other_score(std::size_t draw, std::size_t dimension) {
  return lattice_score(draw, kErrorMetrics + dimension);
}

std::vector<std::array<double, kErrorMetrics>> error_scores(const RunErrorTable& table) {
  // Cholesky's factor; what rounding or gaps in the data leave below zero is taken as a metric that others determine.
  std::array<std::array<double, kErrorMetrics>, kErrorMetrics> factor{};
  for (std::size_t i = 0; i < kErrorMetrics; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = table.correlation[i][j];
      for (std::size_t k = 0; k < j; ++k) rest -= factor[i][k] * factor[j][k];
      if (i == j) factor[i][j] = std::sqrt(std::max(rest, 1e-6));
      if (i != j) factor[i][j] = rest / factor[j][j];
    }
    // A row keeps its length of one.
    double length = 0;
    for (const double f : factor[i]) length += f * f;
    for (double& f : factor[i]) f /= std::sqrt(length);
  }
  std::vector<std::array<double, kErrorMetrics>> draws(kErrorDraws);
  for (std::size_t d = 0; d < draws.size(); ++d) {
    std::array<double, kErrorMetrics> independent{};
    for (std::size_t i = 0; i < kErrorMetrics; ++i) independent[i] = lattice_score(d, i);
    for (std::size_t i = 0; i < kErrorMetrics; ++i) {
      for (std::size_t j = 0; j <= i; ++j) draws[d][i] += factor[i][j] * independent[j];
    }
  }
  return draws;
}

}  // namespace foretoken
