// Intervals and verdicts on queues with exact answers, at the loads at which decisions fall.
// FORETOKEN_SEEDS=400 ./verdicts_of_queues makes the table of src/experiment/statistics.md.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>

#include "support/queue_studies.hpp"

namespace foretoken::test {
namespace {

constexpr double kDistances[] = {-0.10, -0.05, -0.02, 0.02, 0.05, 0.10};
constexpr std::uint64_t kCoverageSeeds = 500'000, kJudgementSeeds = 600'000;

int seeds(int usual) {
  const char* wanted = std::getenv("FORETOKEN_SEEDS");
  return wanted != nullptr ? std::atoi(wanted) : usual;
}

// A true share p shows no less than p - 2.6 sigma in 199 of 200 cells.
double luck(double p, int studies) {
  return 2.6 * std::sqrt(p * (1 - p) / studies);
}

class VerdictsOfQueues : public ::testing::TestWithParam<std::tuple<double, QueueKind>> {
 protected:
  [[nodiscard]] double load() const { return std::get<0>(GetParam()); }
  [[nodiscard]] QueueKind kind() const { return std::get<1>(GetParam()); }
};

TEST_P(VerdictsOfQueues, RestOnIntervalsThatHoldTheTruth) {
  const std::vector<Coverage> rows = coverage_of(kind(), load(), seeds(load() > 0.9 ? 40 : 100), kCoverageSeeds);
  print_table(std::cout, rows);
  for (const Coverage& r : rows) {
    const double must = r.metric.starts_with("mean") ? 0.93 : 0.92;
    EXPECT_GE(r.share(), must - luck(must, r.decided())) << r.queue << ' ' << r.load << ' ' << r.metric;
    EXPECT_LE(r.unsettled, r.studies / 20) << r.queue << ' ' << r.load << ' ' << r.metric;
  }
}

TEST_P(VerdictsOfQueues, AreSeldomWrongCloseToTheLimit) {
  // Twice what the intervals need, so that some of the closest limits are decided too.
  const std::int64_t most = load() > 0.9 ? 6'000'000 : load() > 0.8 ? 2'000'000 : 400'000;
  const std::vector<Judgements> rows =
      judgements_of(kind(), load(), kDistances, seeds(load() > 0.9 ? 20 : 100), kJudgementSeeds, most);
  print_table(std::cout, rows);
  for (const Judgements& r : rows)
    EXPECT_LE(static_cast<double>(r.wrong) / r.studies, 0.025 + luck(0.025, r.studies))
        << r.queue << ' ' << r.load << ' ' << r.metric << ' ' << r.distance;
}

INSTANTIATE_TEST_SUITE_P(Queues, VerdictsOfQueues,
                         ::testing::Combine(::testing::Values(0.3, 0.7, 0.9, 0.95), ::testing::ValuesIn(kQueueKinds)));

}  // namespace
}  // namespace foretoken::test
