// Ten servers of one seat each behind a router that sees old queues: mean times in the system, in mean service times,
// at load 0.9, all servers publishing together every T. The values are those of an independent simulation of 6,000,000
// arrivals (standard errors below 0.5 %), of D/M/1-like and Erlang formulas where there are some (Mitzenmacher 2000,
// "How useful is old information?"; Dahlin 2000 for the interpretation of loads).
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <map>

#include "foretoken/serving/simulation.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

constexpr int kServers = 10;
constexpr double kService = 0.01;  // s in the mean
constexpr double kLoad = 0.9;

class Times final : public Observer {
 public:
  void on_request(const RequestRecord& r) override {
    all.push_back(to_seconds(r.finish - r.request.arrival) / kService);
  }
  void on_steps(const StepSpan&) override {}
  void on_gap(Duration, std::int64_t) override {}
  std::vector<double> all;
};

struct Mean {
  double value = 0;
  double half_width = 0;  // 99.9 %, of 20 batch means
};

Mean mean_of(const std::vector<double>& values) {
  const std::size_t skip = values.size() / 10, size = (values.size() - skip) / 20;
  std::vector<double> means(20);
  Mean m;
  for (std::size_t b = 0; b < means.size(); ++b) {
    for (std::size_t i = 0; i < size; ++i) means[b] += values[skip + b * size + i] / static_cast<double>(size);
    m.value += means[b] / 20;
  }
  double squares = 0;
  for (const double mean : means) squares += (mean - m.value) * (mean - m.value);
  m.half_width = 3.883 * std::sqrt(squares / 19 / 20);
  return m;
}

// One output token: a request is one prefill step of prompt x 10 us. `period` in mean service times; 0 = fresh.
Mean time_with(const std::string& router, double period, bool counts_own, std::int64_t requests = 200'000) {
  SimulationConfig config;
  config.engine.max_num_seqs = 1;
  config.engine.max_model_len = 2'000'000;
  config.engine.max_num_batched_tokens = 2'000'000;
  config.engine.num_gpu_blocks = 1'000'000;
  config.cluster.replicas = kServers;
  config.cluster.router = router;
  RoutingConfig& routing = config.cluster.routing;
  routing.signal_period = duration_from_seconds(period * kService);
  routing.signals_together = true;
  routing.count_own_dispatches = counts_own;
  routing.random_ties = true;
  routing.seed = 5;
  WorkloadConfig load;
  load.arrivals = RenewalArrivals{kLoad * kServers / kService};
  load.num_prompts = requests;
  load.lengths.input = ExponentialLength{1000};
  load.lengths.output = FixedLength{1};
  const StubCost cost({.base = 1e-9, .per_prefill_token = kService / 1000});
  const auto source = make_request_source(load, 23).value();
  Times times;
  EXPECT_EQ(simulate(config, *source, cost, times).finished, requests);
  const Mean mean = mean_of(times.all);
  std::cout << router << (counts_own ? " + own" : "") << ", T " << period << ": " << mean.value << " +- "
            << mean.half_width << '\n';
  return mean;
}

// A row of the published table: by period.
using Row = std::map<double, double>;

void expect_row(const std::string& router, bool counts_own, const Row& row) {
  for (const auto& [period, expected] : row) {
    const Mean seen = time_with(router, period, counts_own);
    EXPECT_NEAR(seen.value, expected, seen.half_width + 0.015 * expected) << router << ", T " << period;
    EXPECT_LT(seen.half_width, 0.25 * expected) << "too few requests to say anything";
  }
}

TEST(StaleSignals, TheShortestQueueHerdsOnOldSignals) {
  expect_row("shortest_queue", false, {{0, 1.911}, {0.5, 2.918}, {1, 4.163}, {5, 13.92}});
}

TEST(StaleSignals, TwoChoicesStayGoodOnOldSignals) {
  expect_row("power_of_two", false, {{0, 2.977}, {1, 3.301}, {5, 4.408}});
}

TEST(StaleSignals, CountingOwnDispatchesUndoesTheHerd) {
  expect_row("shortest_queue", true, {{1, 2.375}, {5, 3.100}});
  expect_row("power_of_two", true, {{5, 3.605}});
}

TEST(StaleSignals, WithoutSignalsRoundRobinAndRandomDoAsQueueingTheorySays) {
  expect_row("round_robin", false, {{0, 5.660}});
  expect_row("random", false, {{0, 10.0}});
}

// Read for what they are old signals are worth as much as two choices and more, and never less than none.
TEST(StaleSignals, InterpretedTheyAreNeverWorseThanOthersMakeOfThem) {
  for (const auto& [period, two_choices] : Row{{1, 3.301}, {5, 4.408}}) {
    const Mean seen = time_with("load_interpretation", period, false);
    EXPECT_LT(seen.value - seen.half_width, two_choices) << period;
  }
  const Mean oldest = time_with("load_interpretation", 50, false);
  EXPECT_LT(oldest.value - oldest.half_width, 10.0) << "two choices are at 14.1 by then, the shortest queue at 122";
}

// The order for exponential service (Winston 1977, Liu and Towsley): shortest queue, round robin, random.
TEST(StaleSignals, FreshOnesOrderTheRoutersAsProven) {
  const Mean shortest = time_with("shortest_queue", 0, false), in_turn = time_with("round_robin", 0, false),
             random = time_with("random", 0, false);
  EXPECT_GT(shortest.value, 1.669) << "one queue for all ten servers is better";
  EXPECT_LT(shortest.value + shortest.half_width, in_turn.value - in_turn.half_width);
  EXPECT_LT(in_turn.value + in_turn.half_width, random.value - random.half_width);
}

}  // namespace
}  // namespace foretoken::test
