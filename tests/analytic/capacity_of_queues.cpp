// The load at which an M/M/c queue keeps its mean wait, by Erlang C, found by the capacity search.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "foretoken/study/capacity.hpp"
#include "support/erlang.hpp"

namespace foretoken::test {
namespace {

struct Queue {
  int servers;
  double limit_ms;  // of the mean wait
};

void PrintTo(const Queue& q, std::ostream* out) { *out << q.servers << " servers, " << q.limit_ms << " ms"; }

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
study: {{max_replications: 20}}
)",
                     q.servers, q.limit_ms);
}

class CapacityOfQueues : public ::testing::TestWithParam<Queue> {};

TEST_P(CapacityOfQueues, is_the_rate_at_which_Erlang_C_reaches_the_limit) {
  const Queue q = GetParam();
  const ScenarioText source{scenario_of(q), "mmc.yaml"};
  const Scenario scenario = parse_scenario(source.text, source.origin, {}).value();
  const auto found = find_capacity(source, {}, scenario, {});
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

INSTANTIATE_TEST_SUITE_P(Erlang, CapacityOfQueues, ::testing::Values(Queue{1, 300}, Queue{4, 150}, Queue{16, 50}));

}  // namespace
}  // namespace foretoken::test
