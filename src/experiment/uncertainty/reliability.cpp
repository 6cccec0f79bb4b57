// Cross-validation of the errors by whole systems, with limits all around the predictions.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.hpp"
#include "foretoken/experiment/uncertainty.hpp"

namespace foretoken {
namespace {

constexpr double kEdges[] = {0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1};
constexpr std::size_t kBins = std::size(kEdges) - 1;
// Limits from a half to twice the prediction for one metric, coarser for two together.
constexpr int kLimits = 41, kLimitsOfPairs = 7;
constexpr double kFarthest = 0.6931471805599453;

double limit_at(int i, int limits) {
  return kFarthest * (2.0 * i / (limits - 1) - 1);
}

double normal_share(double score) {
  return 0.5 * std::erfc(-score / std::sqrt(2.0));
}

struct Tally {
  double weight = 0, stated = 0, observed = 0;
  std::set<std::string> cells;
};
// By metric, TTFT and TPOT together last.
using Tallies = std::array<std::array<Tally, kBins>, kErrorMetrics + 1>;

void count(std::array<Tally, kBins>& bins, double stated, bool held, double weight, const std::string& cell) {
  const auto above = std::upper_bound(std::begin(kEdges), std::end(kEdges), stated) - std::begin(kEdges);
  Tally& t = bins[std::min<std::size_t>(static_cast<std::size_t>(above), kBins) - 1];
  t.weight += weight;
  t.stated += weight * stated;
  t.observed += held ? weight : 0;
  t.cells.insert(cell);
}

using Rows = std::map<std::string, std::vector<const RunErrorSample*>>;

void ask_alone(const Rows& rows, const RunErrorTable& table, Tallies& tallies) {
  for (const auto& [cell, samples] : rows) {
    for (std::size_t m = 0; m < kErrorMetrics; ++m) {
      const auto has = [m](const RunErrorSample* s) { return s->log_ratio[m].has_value(); };
      const double weight =
          1.0 / static_cast<double>(std::max<std::ptrdiff_t>(1, std::count_if(samples.begin(), samples.end(), has)));
      for (const RunErrorSample* s : samples) {
        const RunErrors* errors = has(s) ? table.of(static_cast<ErrorMetric>(m), s->engine, s->inside_range) : nullptr;
        if (errors == nullptr) continue;
        for (int i = 0; i < kLimits; ++i) {
          const double limit = limit_at(i, kLimits);
          const Probability stated = limited_by_data(normal_share(errors->score(limit)), errors->worth());
          count(tallies[m], stated.value, *s->log_ratio[m] <= limit, weight, cell);
        }
      }
    }
  }
}

// P(TTFT and TPOT) for every pair of limits, of one engine and range.
class PairTable {
 public:
  PairTable(const RunErrors& ttft, const RunErrors& tpot,
            const std::vector<std::array<double, kErrorMetrics>>& scores) {
    const auto at_ttft = static_cast<std::size_t>(ErrorMetric::ttft),
               at_tpot = static_cast<std::size_t>(ErrorMetric::tpot);
    for (int i = 0; i < kLimitsOfPairs; ++i) {
      const double first = ttft.score(limit_at(i, kLimitsOfPairs));
      for (int j = 0; j < kLimitsOfPairs; ++j) {
        const double second = tpot.score(limit_at(j, kLimitsOfPairs));
        const auto held = std::count_if(scores.begin(), scores.end(),
                                        [&](const auto& z) { return z[at_ttft] <= first && z[at_tpot] <= second; });
        const double share = static_cast<double>(held) / static_cast<double>(scores.size());
        stated_.push_back(limited_by_data(share, std::min(ttft.worth(), tpot.worth())).value);
      }
    }
  }
  [[nodiscard]] double stated(int i, int j) const { return stated_[static_cast<std::size_t>(i * kLimitsOfPairs + j)]; }

 private:
  std::vector<double> stated_;
};

void ask_together(const Rows& rows, const RunErrorTable& table, std::array<Tally, kBins>& bins) {
  const auto scores = error_scores(table);
  std::map<std::pair<const RunErrors*, const RunErrors*>, PairTable> pairs;
  for (const auto& [cell, samples] : rows) {
    const auto has = [](const RunErrorSample* s) { return s->log_ratio[0] && s->log_ratio[1]; };
    const double weight =
        1.0 / static_cast<double>(std::max<std::ptrdiff_t>(1, std::count_if(samples.begin(), samples.end(), has)));
    for (const RunErrorSample* s : samples) {
      const RunErrors* ttft = table.of(ErrorMetric::ttft, s->engine, s->inside_range);
      const RunErrors* tpot = table.of(ErrorMetric::tpot, s->engine, s->inside_range);
      if (!has(s) || ttft == nullptr || tpot == nullptr) continue;
      const PairTable& pair = pairs.try_emplace({ttft, tpot}, *ttft, *tpot, scores).first->second;
      for (int i = 0; i < kLimitsOfPairs; ++i) {
        for (int j = 0; j < kLimitsOfPairs; ++j) {
          const bool held =
              *s->log_ratio[0] <= limit_at(i, kLimitsOfPairs) && *s->log_ratio[1] <= limit_at(j, kLimitsOfPairs);
          count(bins, pair.stated(i, j), held, weight, cell);
        }
      }
    }
  }
}

std::vector<ReliabilityBin> bins_of(const Tallies& tallies) {
  std::vector<ReliabilityBin> bins;
  for (std::size_t m = 0; m < tallies.size(); ++m) {
    for (std::size_t b = 0; b < kBins; ++b) {
      const Tally& t = tallies[m][b];
      if (!(t.weight > 0)) continue;
      ReliabilityBin bin;
      if (m < kErrorMetrics) bin.metric = static_cast<ErrorMetric>(m);
      bin.from = kEdges[b];
      bin.to = kEdges[b + 1];
      bin.stated = t.stated / t.weight;
      bin.observed = t.observed / t.weight;
      bin.cells = static_cast<int>(t.cells.size());
      bins.push_back(bin);
    }
  }
  return bins;
}

}  // namespace

std::vector<ReliabilityBin> cross_validate(std::span<const RunErrorSample> samples, int splits) {
  std::set<std::string> names;
  for (const RunErrorSample& s : samples) names.insert(s.cell);
  std::vector<std::string> cells(names.begin(), names.end());
  RandomStream stream(1, "cross_validate");
  Tallies tallies;
  for (int split = 0; split < splits; ++split) {
    for (std::size_t i = cells.size(); i-- > 1;)
      std::swap(cells[i], cells[static_cast<std::size_t>(stream.uniform_int(0, static_cast<std::int64_t>(i)))]);
    const std::set<std::string> fitted(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(cells.size() / 2));
    std::vector<RunErrorSample> known;
    Rows asked;
    for (const RunErrorSample& s : samples) {
      if (fitted.count(s.cell) > 0)
        known.push_back(s);
      else
        asked[s.cell].push_back(&s);
    }
    const RunErrorTable table = fit_run_errors(known);
    ask_alone(asked, table, tallies);
    ask_together(asked, table, tallies.back());
  }
  return bins_of(tallies);
}

}  // namespace foretoken
