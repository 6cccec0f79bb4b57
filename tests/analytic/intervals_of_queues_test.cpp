// A quick look at what verdicts_of_queues shows at length: intervals hold the truth, whatever num_prompts says.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "support/queue_studies.hpp"

namespace foretoken::test {
namespace {

constexpr int kStudies = 100;

void expect_to_hold(QueueKind kind, double load) {
  const std::vector<Coverage> rows = coverage_of(kind, load, kStudies, 900'000);
  print_table(std::cout, rows);
  ASSERT_EQ(rows.size(), 3u);
  for (const Coverage& r : rows) {
    EXPECT_GE(r.share(), 0.95 - 3 * std::sqrt(0.95 * 0.05 / kStudies)) << r.metric;
    EXPECT_LT(std::abs(r.bias), 0.05) << r.metric;
    EXPECT_EQ(r.unsettled, 0);
  }
}

TEST(IntervalsOfQueues, HoldTheWaitsOfAnMM1) {
  expect_to_hold(QueueKind::mm1, 0.7);
}
TEST(IntervalsOfQueues, HoldTheWaitsOfTwoKindsOfRequestsAtALowLoad) {
  expect_to_hold(QueueKind::mg1, 0.3);
}
TEST(IntervalsOfQueues, AreOfTheRightQueues) {
  // Textbook: the Laplace inversion of exponential-like service against the closed form, and Pollaczek-Khinchine.
  const ServiceTimes constant{{0.01}, {1}};
  EXPECT_NEAR(mg1_mean(90, constant), 0.045, 1e-12);
  // M/D/1: P(W <= t) = (1 - rho) exp(lambda t) below one service time.
  for (const double t : {0.002, 0.006, 0.0099})
    EXPECT_NEAR(mg1_tail(50, constant)(t), 1 - 0.5 * std::exp(50 * t), 2e-4) << t;
  EXPECT_NEAR(round_robin_wait(1, 0.7, 0.01).mean(), mmc_wait(1, 0.7, 0.01).mean(), 1e-12);
}

}  // namespace
}  // namespace foretoken::test
