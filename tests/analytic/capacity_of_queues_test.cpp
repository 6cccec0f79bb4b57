// The load at which an M/M/c queue keeps its mean or p99 wait, by Erlang C, found by the capacity search.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <string>

#include "foretoken/study/capacity.hpp"
#include "support/queue_answers.hpp"

namespace foretoken::test {
namespace {

struct Queue {
  int servers;
  double limit_ms;  // of the mean wait
};

void PrintTo(const Queue& q, std::ostream* out) {
  *out << q.servers << " servers, " << q.limit_ms << " ms";
}

constexpr double kStepSeconds = 1e-3;
constexpr double kMeanTokens = 200;

// Every step gives one token to each of c seats, so a seat is a server and the output length its service time:
// exponential, rounded up to whole steps.
std::string scenario_of(const Queue& q) {
  return fmt::format(R"(
engine: {{name: vllm-v1, max_num_seqs: {}, num_gpu_blocks_override: 1000000, max_model_len: 100000, async_scheduling: false}}
cost: {{level: affine, affine: {{per_step: 1 ms}}}}
workload:
  request_rate: 5
  num_prompts: 20000
  random_input_len: 1
  output_lengths: {{distribution: exponential, mean: 200, max: 90000}}
slo: [mean_queue_time <= {} ms]
capacity: {{precision: 0.02}}
)",
                     q.servers, q.limit_ms);
}

class CapacityOfQueues : public ::testing::TestWithParam<Queue> {};

TEST_P(CapacityOfQueues, IsTheRateAtWhichErlangCReachesTheLimit) {
  const Queue q = GetParam();
  const Question question{scenario_of(q), "mmc.yaml"};
  const Scenario scenario = question.scenario().value();
  const auto found = find_capacity(question, scenario, {});
  ASSERT_TRUE(found) << format(found.error());
  ASSERT_EQ(found->outcome, CapacityOutcome::found) << found->reason;

  const double service = kStepSeconds / (1 - std::exp(-1 / kMeanTokens));
  const auto rate_at = [&](double wait) {
    double low = 0, high = q.servers / service;
    for (int i = 0; i < 100; ++i) {
      const double rate = (low + high) / 2;
      const double waited = erlang_c(q.servers, rate * service) / (q.servers / service - rate);
      (waited < wait ? low : high) = rate;
    }
    return low;
  };
  // An arrival waits for a step boundary too: up to one step that Erlang C does not know.
  const double limit = q.limit_ms * 1e-3;
  const double least = rate_at(limit - kStepSeconds), most = rate_at(limit);
  std::cout << "Erlang C " << least << " to " << most << " requests/s, found [" << *found->capacity << ", "
            << *found->missed << "] with " << found->requests << " requests\n";
  EXPECT_LE(*found->capacity, most);
  EXPECT_GE(*found->missed, least);
  EXPECT_LT(*found->missed / *found->capacity, 1.06) << "an interval so wide says little";
  EXPECT_TRUE(found->not_monotone.empty());
}

// p99 of the wait of M/M/8 at 2 s: what averages of short runs' percentiles overstate in every search.
TEST(CapacityOfManyServers, ByP99OfTheWaitIsNotAboveTheTruth) {
  constexpr int kSearches = 30, kServers = 8;
  constexpr double kLimit = 2;
  const double service = kStepSeconds / (1 - std::exp(-1 / kMeanTokens));
  const auto p99_wait = [&](double rate) {
    const double load = rate * service / kServers;
    return quantile_of(mmc_wait(kServers, load, service).tail(), 0.99);
  };
  const auto rate_at = [&](double wait) {
    double low = 0, high = kServers / service;
    for (int i = 0; i < 60; ++i) {
      const double rate = (low + high) / 2;
      (p99_wait(rate) < wait ? low : high) = rate;
    }
    return low;
  };
  // Waiting for the step boundary takes up to one step.
  const double least = rate_at(kLimit - kStepSeconds), most = rate_at(kLimit);
  int above = 0, below = 0;
  for (int i = 0; i < kSearches; ++i) {
    std::string text = scenario_of({kServers, 50}) + fmt::format("seed: {}\n", 900 + i);
    const std::string mean = "mean_queue_time <= 50 ms";
    text.replace(text.find(mean), mean.size(), "p99_queue_time <= 2 s");
    const Question question{text, "mmc.yaml"};
    const auto found = find_capacity(question, question.scenario().value(), {});
    ASSERT_TRUE(found) << format(found.error());
    ASSERT_EQ(found->outcome, CapacityOutcome::found) << found->reason;
    above += *found->capacity > most ? 1 : 0;
    below += *found->missed < least ? 1 : 0;
    ASSERT_TRUE(found->stability_limit);
    EXPECT_LE(*found->capacity, found->stability_limit->high);
  }
  std::cout << "Erlang C " << least << " to " << most << " requests/s; of " << kSearches << " searches " << above
            << " end above it and " << below << " below\n";
  // Each end errs in 2.5 % of the searches: more than 3 of 30 with a probability below 1 %.
  EXPECT_LE(above, 3);
  EXPECT_LE(below, 3);
}

INSTANTIATE_TEST_SUITE_P(Erlang, CapacityOfQueues, ::testing::Values(Queue{1, 300}, Queue{4, 150}, Queue{16, 50}));

}  // namespace
}  // namespace foretoken::test
