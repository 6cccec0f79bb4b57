// One-server and many-server queues with known mean waits: the simulator must agree within its own
// confidence interval (20 batch means, Student t at 99.9 %: 3.883).
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "foretoken/serving/simulation.hpp"
#include "support/erlang.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

class Waits final : public Observer {
 public:
  void on_request(const RequestRecord& r) override { seconds.push_back(to_seconds(r.scheduled - r.request.arrival)); }
  void on_steps(const StepSpan&) override {}
  void on_gap(Duration, std::int64_t) override {}
  std::vector<double> seconds;
};

struct Estimate {
  double mean = 0;
  double half_width = 0;
};

// The first tenth is warm-up.
Estimate estimate(const std::vector<double>& values) {
  const std::size_t skip = values.size() / 10;
  const std::size_t size = (values.size() - skip) / 20;
  std::vector<double> means;
  for (std::size_t b = 0; b < 20; ++b) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += values[skip + b * size + i];
    means.push_back(sum / static_cast<double>(size));
  }
  Estimate e;
  for (const double m : means) e.mean += m / 20;
  double squares = 0;
  for (const double m : means) squares += (m - e.mean) * (m - e.mean);
  e.half_width = 3.883 * std::sqrt(squares / 19 / 20);
  return e;
}

// One output token, so a request is one prefill step of prompt x 10 µs on a server of its own.
Estimate mean_wait(double rate, const LengthConfig& prompts) {
  SimulationConfig config;
  config.engine.max_num_seqs = 1;
  config.engine.max_model_len = 2'000'000;
  config.engine.max_num_batched_tokens = 2'000'000;
  config.engine.num_gpu_blocks = 1'000'000;
  WorkloadConfig load;
  load.arrivals = RenewalArrivals{rate};
  load.num_prompts = 200'000;
  load.lengths.input = prompts;
  load.lengths.output = FixedLength{1};
  const StubCost cost({.base = 1e-9, .per_prefill_token = 1e-5});
  const auto source = make_request_source(load, 11).value();
  Waits waits;
  const SimulationOutcome outcome = simulate(config, *source, cost, waits);
  EXPECT_EQ(outcome.finished, 200'000);
  return estimate(waits.seconds);
}

void expect_wait(const Estimate& seen, double theory) {
  std::cout << "theory " << theory << " s, simulated " << seen.mean << " +- " << seen.half_width << " s\n";
  EXPECT_NEAR(seen.mean, theory, seen.half_width);
  EXPECT_LT(seen.half_width, 0.2 * theory) << "too few requests to say anything";
}

// Pollaczek-Khinchine: W = lambda E[S^2] / (2 (1 - rho)).
double khinchine(double rate, double mean, double mean_square) {
  return rate * mean_square / (2 * (1 - rate * mean));
}

TEST(QueueingTheory, MD1WaitsHalfAsLongAsMM1) {
  expect_wait(mean_wait(70, FixedLength{1000}), khinchine(70, 0.01, 0.0001));
}

TEST(QueueingTheory, MM1WaitsRhoOverMuMinusLambda) {
  // Whole tokens: the exponential rounded up has mean 1/(1 - exp(-1/1000)), half a token more.
  const double p = 1 - std::exp(-1e-3);
  const double mean = 1e-5 / p;
  const double mean_square = 1e-10 * (2 - p) / (p * p);
  expect_wait(mean_wait(70, ExponentialLength{1000}), khinchine(70, mean, mean_square));
}

// Servers of 4 and 1 requests a second, 3 come: split by speed 1 s on the mean, at the optimal split 0.8333 s (two
// M/M/1, 1 / (mu - lambda) each).
TEST(QueueingTheory, WeightedSplitsOfTwoSpeedsTakeAsLongAsTwoMM1) {
  struct Case {
    std::vector<double> weights;
    double mean;
  };
  for (const Case& c : {Case{{4, 1}, 1.0}, Case{{8, 1}, 0.8333}}) {
    EngineConfig engine;
    engine.max_num_seqs = 1;
    engine.max_model_len = 2'000'000;
    engine.max_num_batched_tokens = 2'000'000;
    engine.num_gpu_blocks = 1'000'000;
    ClusterConfig cluster;
    cluster.router = "random";
    cluster.routing.weights = c.weights;
    const StubCost fast({.base = 1e-9, .per_prefill_token = 1e-3 / 4}), slow({.base = 1e-9, .per_prefill_token = 1e-3});
    PoolsConfig pools;
    for (const StubCost* cost : {&fast, &slow})
      pools.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, cluster, cost});
    WorkloadConfig load;
    load.arrivals = RenewalArrivals{3};
    load.num_prompts = 200'000;
    load.lengths.input = ExponentialLength{1000};
    load.lengths.output = FixedLength{1};
    const auto source = make_request_source(load, 5).value();
    class Times final : public Observer {
     public:
      void on_request(const RequestRecord& r) override { seconds.push_back(to_seconds(r.finish - r.request.arrival)); }
      void on_steps(const StepSpan&) override {}
      void on_gap(Duration, std::int64_t) override {}
      std::vector<double> seconds;
    } times;
    EXPECT_EQ(simulate(pools, *source, times).finished, 200'000);
    expect_wait(estimate(times.seconds), c.mean);
  }
}

TEST(QueueingTheory, MG1FollowsPollaczekKhinchineForUniformService) {
  const double low = 100, high = 1900, count = high - low + 1;
  const double mean = (low + high) / 2;
  const double variance = (count * count - 1) / 12;
  expect_wait(mean_wait(70, UniformLength{100, 1900}), khinchine(70, 1e-5 * mean, 1e-10 * (variance + mean * mean)));
}

// A request holds one of c seats for as many steps of 10 µs as it has output tokens: c servers,
// one queue. It waits for a step boundary too, at most one step.
struct SeatsOfOneReplica {
  int servers;
  double load;
};

constexpr double kStep = 1e-5;

class ManyServers : public ::testing::TestWithParam<SeatsOfOneReplica> {};

TEST(ErlangC, HasTheTextbookValues) {
  EXPECT_NEAR(erlang_c(1, 0.7), 0.7, 1e-12);      // M/M/1: rho
  EXPECT_NEAR(erlang_c(2, 1.0), 1.0 / 3, 1e-12);  // 2 rho^2 / (1 + rho) at rho = 1/2
}

TEST_P(ManyServers, WaitAsErlangCSays) {
  const auto [servers, load] = GetParam();
  SimulationConfig config;
  config.engine.max_num_seqs = servers;
  config.engine.max_model_len = 1'000'000;
  config.engine.num_gpu_blocks = 10'000'000;
  const double service = kStep / (1 - std::exp(-1e-3));  // the exponential rounded up to whole tokens
  const double rate = load * servers / service;
  WorkloadConfig workload;
  workload.arrivals = RenewalArrivals{rate};
  workload.num_prompts = 200'000;
  workload.lengths.input = FixedLength{1};
  workload.lengths.output = ExponentialLength{1000};
  const StubCost cost({.base = kStep});
  const auto source = make_request_source(workload, 17).value();
  Waits waits;
  ASSERT_EQ(simulate(config, *source, cost, waits).finished, 200'000);

  const double busy = erlang_c(servers, load * servers);
  const double drain = servers / service - rate;
  std::vector<double> waited;
  for (const double wait : waits.seconds) waited.push_back(wait > kStep ? 1 : 0);
  const Estimate share = estimate(waited);
  std::cout << "c " << servers << ", load " << load << ": Erlang C " << busy << ", waited " << share.mean << " +- "
            << share.half_width << "; ";
  EXPECT_NEAR(share.mean, busy * std::exp(-drain * kStep), share.half_width);
  Estimate wait = estimate(waits.seconds);
  wait.mean -= kStep / 2;  // the mean wait for a boundary; arrivals that find the engine idle have none
  wait.half_width += kStep / 2;
  expect_wait(wait, busy / drain);
}

INSTANTIATE_TEST_SUITE_P(MMc, ManyServers,
                         ::testing::Values(SeatsOfOneReplica{2, 0.5}, SeatsOfOneReplica{2, 0.8},
                                           SeatsOfOneReplica{4, 0.5}, SeatsOfOneReplica{4, 0.8}),
                         [](const auto& each) {
                           return "c" + std::to_string(each.param.servers) + "_load_" +
                                  std::to_string(static_cast<int>(each.param.load * 100));
                         });

}  // namespace
}  // namespace foretoken::test
