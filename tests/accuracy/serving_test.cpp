// Whole serving runs against measured servers, held to stated bounds: what the simulation
// reaches today with a little room, so that a change that costs accuracy is seen.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <tuple>

#include "report/accuracy_report.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

const std::string kTruth = std::string(FORETOKEN_SOURCE_DIR) + "/../shared/truth/";

const ErrorStatistics* find(const PointAccuracy& accuracy, const std::string& grade, const std::string& group,
                            ServingMetric metric) {
  for (const PointErrors& e : accuracy.groups) {
    if (e.grade == grade && e.group == group && e.metric == metric) return &e.errors;
  }
  return nullptr;
}

struct Bound {
  std::string grade, group;
  ServingMetric metric;
  double median, p90;  // percent
};

// Probabilities from half of the systems, asked about the other half: what was stated comes true.
void expect_reliable(const PointAccuracy& accuracy) {
  int asked = 0;
  for (const ReliabilityBin& bin : accuracy.reliability) {
    if (bin.cells < 40) continue;
    ++asked;
    // Three standard deviations of a share of half of the systems (the splits share them).
    const double tolerance = 3 * std::sqrt(bin.stated * (1 - bin.stated) / (0.5 * bin.cells)) + 0.02;
    EXPECT_NEAR(bin.observed, bin.stated, std::min(tolerance, 0.12))
        << (bin.metric ? to_string(*bin.metric) : "TTFT and TPOT") << " from " << bin.from;
  }
  EXPECT_GE(asked, 30);
}

// The errors that the program carries are those of the program, give or take what later changes moved.
void expect_current(const RunErrorTable& fresh) {
  for (const RunErrors& e : fresh.groups) {
    const RunErrors* carried = measured_run_errors().of(e.metric, e.engine, e.inside_range.value_or(true));
    if (!e.inside_range || e.engine.empty() || carried->engine != e.engine) continue;
    const double width = (e.quantiles[6] - e.quantiles[2]) / 2;
    EXPECT_NEAR(carried->quantiles[4], e.quantiles[4], 0.25 * width + 0.02)
        << to_string(e.metric) << " " << e.engine
        << ": write src/experiment/uncertainty/measured_errors.inc anew by the command in its head";
  }
}

// The band that every prediction carries holds what it says, and is not so wide that it says nothing.
void expect_covered(const PointAccuracy& accuracy) {
  for (const BandCoverage& band : accuracy.bands) {
    EXPECT_GE(band.rows, 100);
    EXPECT_GE(band.covered, band.inside_range ? 0.93 : 0.90) << (band.inside_range ? "inside" : "outside");
    EXPECT_LE(band.half_width_percent, 40);
  }
}

TEST(ServingAccuracy, StaysWithinItsBoundsOnMeasuredServers) {
  const std::string path = kTruth + "points_dev.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "measured servers are not here: " << path;
  const Result<PointAccuracy> accuracy = compare_points(path);
  ASSERT_TRUE(accuracy) << format(accuracy.error());
  fmt::print("{}", to_text(*accuracy, false));
  const Bound bounds[] = {
      {"B", "vLLM 0.15+", ServingMetric::tpot, 5.5, 13},
      {"B", "vLLM 0.15+", ServingMetric::ttft, 17, 45},
      {"B", "vLLM 0.15+, MoE or MLA", ServingMetric::tpot, 6.5, 17},
      {"B", "vLLM 0.15+, MoE or MLA", ServingMetric::ttft, 18, 32},
      {"B", "TensorRT-LLM 1.x", ServingMetric::tpot, 5.5, 12},
      {"B", "TensorRT-LLM 1.x", ServingMetric::ttft, 8, 25},
      {"B", "TensorRT-LLM 1.x, MoE or MLA", ServingMetric::tpot, 12, 28},
      {"B", "TensorRT-LLM 1.x, MoE or MLA", ServingMetric::ttft, 14, 52},
      {"B", "SGLang 0.5.9+, MoE or MLA", ServingMetric::tpot, 5, 10},
      {"B", "SGLang 0.5.9+, MoE or MLA, the engine's start in it", ServingMetric::tpot, 18, 33},
      {"B", "SGLang 0.5.9+, MoE or MLA", ServingMetric::ttft, 16, 43},
      {"D", "vLLM 0.15+", ServingMetric::ttft, 10, 20},
      {"D", "vLLM 0.15+", ServingMetric::itl, 6, 10},
      {"D", "vLLM 0.15+", ServingMetric::e2e, 6.5, 10},
      {"D", "vLLM 0.15+, MoE or MLA", ServingMetric::ttft, 9, 28},
      {"D", "vLLM 0.15+, MoE or MLA", ServingMetric::itl, 3.5, 12},
      {"D", "vLLM 0.15+, MoE or MLA", ServingMetric::e2e, 3.5, 12},
      {"C", "TensorRT-LLM 0.x", ServingMetric::output_throughput, 11.5, 32},
      {"C", "TensorRT-LLM 1.x", ServingMetric::output_throughput, 9, 24},
      {"C", "TensorRT-LLM 1.x, MoE or MLA", ServingMetric::output_throughput, 19.5, 43},
      {"A", "TensorRT-LLM 2024", ServingMetric::e2e, 7.5, 19},
      {"A", "vLLM 2024", ServingMetric::e2e, 7, 17.5},
      {"A", "FasterTransformer 5", ServingMetric::e2e, 8.5, 18},
  };
  for (const Bound& bound : bounds) {
    const ErrorStatistics* errors = find(*accuracy, bound.grade, bound.group, bound.metric);
    ASSERT_NE(errors, nullptr) << bound.grade << " " << bound.group;
    EXPECT_LE(errors->median, bound.median) << bound.grade << " " << bound.group << " " << to_string(bound.metric);
    EXPECT_LE(errors->p90, bound.p90) << bound.grade << " " << bound.group << " " << to_string(bound.metric);
  }
  // A router that favours some of its experts, of which steps of few requests read fewer.
  for (const auto& [split, median, p90] : {std::tuple{"TP4 EP4", 6.5, 12.0}, std::tuple{"TP8 EP8", 5.5, 13.0}}) {
    const std::string cell = fmt::format("qwen3-235b H100 TensorRT-LLM 1.x fp8_block {}", split);
    const auto at = std::find_if(accuracy->cells.begin(), accuracy->cells.end(), [&](const PointErrors& e) {
      return e.cell == cell && e.metric == ServingMetric::tpot;
    });
    ASSERT_NE(at, accuracy->cells.end()) << cell;
    EXPECT_LE(at->errors.median, median) << cell;
    EXPECT_LE(at->errors.p90, p90) << cell;
  }
  expect_covered(*accuracy);
  expect_reliable(*accuracy);
  expect_current(accuracy->run_errors);
}

TEST(ServingAccuracy, ReplaysARecordedRunBlind) {
  const std::string folder = kTruth + "replays/rtx_pro_6000-llama-3.1-8b";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the recorded run is not here: " << folder;
  const Result<ReplayAccuracy> accuracy = compare_replay(folder, "");
  ASSERT_TRUE(accuracy) << format(accuracy.error());
  fmt::print("{}", to_text(*accuracy));
  ASSERT_EQ(accuracy->requests.size(), 300u);
  const double limits[kReplayMetrics] = {15, 5, 5};  // percent of the mean: TTFT, TPOT, E2E
  for (std::size_t m = 0; m < kReplayMetrics; ++m) {
    const ReplayDistribution::Line& mean = accuracy->distributions[m].lines.front();
    EXPECT_LE(std::abs(mean.predicted / mean.measured - 1) * 100, limits[m]) << to_string(static_cast<ReplayMetric>(m));
  }
  // 128 may run at once: the counts of every second differ by a few requests.
  for (const ReplaySeries& series : accuracy->series) EXPECT_LE(series.mean_distance, 5) << series.name;
}

TEST(ErrorStatistics, GiveEverySystemTheSameWeight) {
  // Nine rows of one system at 1 %, one row of another at 20 %: half of the weight is at 20.
  std::vector<ErrorSample> samples(9, ErrorSample{1, "many", "a"});
  samples.push_back({-20, "one", "b"});
  const ErrorStatistics s = error_statistics(samples);
  EXPECT_EQ(s.cells, 2);
  EXPECT_NEAR(s.mean, 10.5, 1e-9);
  EXPECT_NEAR(s.bias, -9.5, 1e-9);
  EXPECT_EQ(s.median, 1);
  EXPECT_EQ(s.p90, 20);
  EXPECT_EQ(s.worst, -20);
  EXPECT_EQ(s.worst_row, "one");
  EXPECT_EQ(error_statistics({}).rows, 0);
}

}  // namespace
}  // namespace foretoken
