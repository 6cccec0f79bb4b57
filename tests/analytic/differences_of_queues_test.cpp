// What a comparison says of two M/M/1 queues, whose waits differ by an amount that is known.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <map>

#include "foretoken/study/compare.hpp"
#include "support/queue_answers.hpp"

namespace foretoken::test {
namespace {

constexpr double kMeanTokens = 1000.4999166666;  // an exponential of mean 1,000 rounded up

std::string one_seat(double rate, int seed, int num_prompts) {
  return fmt::format(R"(
engine: {{name: vllm-v1, max_num_seqs: 1, num_gpu_blocks_override: 1000000, max_model_len: 2000000, max_num_batched_tokens: 2000000,
         async_scheduling: false}}
cost: {{level: affine, affine: {{per_step: 0 us, per_prefill_token: 10 us}}}}
workload:
  request_rate: {}
  num_prompts: {}
  input_lengths: {{distribution: exponential, mean: 1000, max: 1000000}}
  random_output_len: 1
slo: [mean_queue_time <= 1 h, p95_queue_time <= 1 h, p99_queue_time <= 1 h]
seed: {}
)",
                     rate, num_prompts, seed);
}

double wait_ms(const std::string& metric, double load, double service) {
  const ExponentialWait wait = mmc_wait(1, load, service);
  if (metric == "mean_queue_time_ms") return 1e3 * wait.mean();
  return 1e3 * quantile_of(wait.tail(), metric == "p95_queue_time_ms" ? 0.95 : 0.99);
}

TEST(DifferencesOfQueues, LieInTheirIntervals) {
  constexpr int kStudies = 200;
  constexpr double kLoad = 0.8, kFaster = 0.95;
  const double service = kMeanTokens * 1e-5, rate = kLoad / service;
  std::map<std::string, int> holds;
  for (int i = 0; i < kStudies; ++i) {
    const Question question{one_seat(rate, 9000 + i, i % 2 == 0 ? 500 : 50'000), "mm1.yaml"};
    const auto found = compare_scenarios({question, question.with({"cost.affine.per_prefill_token=9.5 us"})});
    ASSERT_TRUE(found) << format(found.error());
    for (const ObjectiveChange& o : found->objectives) {
      const std::string& metric = o.change.metric;
      const double truth = wait_ms(metric, kFaster * kLoad, kFaster * service) - wait_ms(metric, kLoad, service);
      const Interval& difference = o.change.change.difference;
      holds[metric] += difference.low <= truth && truth <= difference.high ? 1 : 0;
    }
  }
  ASSERT_EQ(holds.size(), 3u);
  for (const auto& [metric, count] : holds) {
    const double share = static_cast<double>(count) / kStudies;
    std::cout << metric << ": the 95 % interval of the difference holds it in " << 100 * share << " % of " << kStudies
              << " comparisons\n";
    EXPECT_GE(share, 0.92 - 2.33 * std::sqrt(0.92 * 0.08 / kStudies)) << metric;
  }
}

}  // namespace
}  // namespace foretoken::test
