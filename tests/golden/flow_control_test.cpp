// Requests that wait before the router while replicas are saturated, worked out by hand, and shares of a random split.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "serving/cluster/cluster.hpp"
#include "support/how_many.hpp"
#include "support/pooled_run.hpp"
#include "support/random_run.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

Request asked_at_ms(std::int64_t index, std::int64_t ms, std::int16_t priority = 0, std::int32_t tokens = 1) {
  Request r;
  r.index = index;
  r.arrival = TimePoint{Duration{ms * 1'000'000}};
  r.output_tokens = r.max_tokens = tokens;
  r.priority = priority;
  return r;
}

// One replica with two seats and steps of two seconds, saturated by two who wait.
struct Gate {
  StubCost cost{StubTerms{2}};
  PoolsConfig config;

  Gate() {
    EngineConfig engine;
    engine.max_num_seqs = 2;
    engine.num_gpu_blocks = 1000;
    ClusterConfig cluster;
    cluster.admission.on = cluster.admission.queues = true;
    cluster.admission.queue_threshold = 2;
    config.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, cluster, &cost});
  }
};

// The only replica; writes down when it was chosen.
class Watch final : public RoutingPolicy {
 public:
  explicit Watch(std::vector<std::string>& chosen) : chosen_(chosen) {}
  int choose(const Request& request, const ClusterView& view) override {
    chosen_.push_back(fmt::format("{} at {} ms", request.index, view.now().time_since_epoch().count() / 1'000'000));
    return 0;
  }
  void left(int, const Request&) override {}

 private:
  std::vector<std::string>& chosen_;
};

// G30: four are in the engine at once, two of them waiting, so the next two stay outside until the step ends at 2 s;
// then the urgent one goes, though it came last, and the other in the next cycle, when one in two waits.
TEST(FlowControl, G30HoldsAllWhileSaturatedThenTheUrgentGoFirst) {
  Gate gate;
  std::vector<std::string> chosen;
  ClusterSeams seams;
  seams.entry_router = std::make_unique<Watch>(chosen);
  const auto source = make_fixed_source({asked_at_ms(0, 0), asked_at_ms(1, 0), asked_at_ms(2, 500), asked_at_ms(3, 500),
                                         asked_at_ms(4, 1000, 1), asked_at_ms(5, 1000, 0)});
  const PooledRun run = run_pools(gate.config, *source, false, std::move(seams));
  EXPECT_THAT(chosen,
              ElementsAre("0 at 0 ms", "1 at 0 ms", "2 at 500 ms", "3 at 500 ms", "5 at 2001 ms", "4 at 2002 ms"));
  EXPECT_EQ(run.outcome.finished, 6);
  // What it waited outside is its queue: it came at 1 s and is scheduled at 4.
  const RequestRecord urgent = run.seen.by_index()[5];
  EXPECT_EQ(urgent.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)], Duration{3'000'000'000});
}

TEST(FlowControl, TurnsAwayWhoWaitsTooLongOrFindsItsBandFull) {
  Gate gate;
  AdmissionConfig& admission = gate.config.pools.front().cluster.admission;
  admission.queue_requests = 1;
  admission.queue_timeout = Duration{700'000'000};
  const auto source = make_fixed_source({asked_at_ms(0, 0), asked_at_ms(1, 0), asked_at_ms(2, 500), asked_at_ms(3, 500),
                                         asked_at_ms(4, 1000, 1), asked_at_ms(5, 1000, 1), asked_at_ms(6, 1000, 0)});
  const PooledRun run = run_pools(gate.config, *source, false);
  std::vector<std::string> ends;
  for (const RequestRecord& r : run.seen.by_index()) {
    if (r.outcome == Outcome::rejected)
      ends.push_back(fmt::format("{} at {} ms", r.request.index, r.finish.time_since_epoch().count() / 1'000'000));
  }
  EXPECT_THAT(ends, ElementsAre("4 at 1700 ms", "5 at 1000 ms", "6 at 1700 ms"));
}

TEST(FlowControl, LosesNothingAndGivesTheSameBytesInStretches) {
  std::int64_t rejected = 0, waited = 0;
  for (int i = 0; i < how_many_scenarios(150); ++i) {
    RandomRun run = random_run(static_cast<std::uint64_t>(i));
    RandomStream random(run.seed, "random_flow_control");
    AdmissionConfig& admission = run.config.cluster.admission;
    admission.on = admission.queues = true;
    admission.queue_threshold = static_cast<double>(random.uniform_int(1, 4));
    admission.kv_threshold = 0.1 * static_cast<double>(random.uniform_int(3, 10));
    admission.queue_requests = random.uniform_int(1, 30);
    admission.queue_timeout = Duration{random.uniform_int(1'000'000, 500'000'000)};
    if (random.uniform_int(0, 2) == 0) {
      run.config.clients.on = run.config.clients.aborts = true;
      run.config.clients.timeout = Duration{random.uniform_int(1'000'000, 300'000'000)};
    }
    const auto seen = [&](bool step_by_step) {
      SimulationConfig config = run.config;
      config.step_by_step = step_by_step;
      const StubCost cost(run.cost);
      const auto source = run.source();
      Recorder recorder;
      const SimulationOutcome outcome = simulate(config, *source, cost, recorder);
      std::set<std::int64_t> ended;
      for (const RequestRecord& r : recorder.records) {
        EXPECT_TRUE(ended.insert(r.request.index).second) << "seed " << i;
        Duration e2e{};
        for (const Duration d : r.e2e_parts) e2e += d;
        EXPECT_EQ(e2e, r.finish - r.request.arrival) << "seed " << i;
        waited += r.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)] > Duration{} ? 1 : 0;
      }
      EXPECT_EQ(static_cast<std::int64_t>(ended.size()), outcome.arrived) << "seed " << i;
      rejected += outcome.rejected;
      return recorder.text(outcome);
    };
    ASSERT_EQ(seen(false), seen(true)) << "seed " << i;
  }
  EXPECT_GT(rejected, 100);
  EXPECT_GT(waited, 100);
}

class Times final : public Observer {
 public:
  void on_request(const RequestRecord& r) override {
    sum += to_seconds(r.finish - r.request.arrival);
    ++all;
    of_first += r.replica == 0 ? 1 : 0;
  }
  void on_steps(const StepSpan&) override {}
  void on_gap(Duration, std::int64_t) override {}
  double sum = 0;
  std::int64_t all = 0, of_first = 0;
};

// G31: speeds 4 and 1, 3 requests a second, exponential service: shares as the speeds (2.4, 0.6) give both the same
// load and a mean time of 1 s; the best split, mu_i - sqrt(mu_i) (sum mu - lambda) / sum sqrt(mu), is (2.667, 0.333)
// and gives 0.8333 s.
TEST(RandomSplit, G31TakesTheSharesOfItsPools) {
  constexpr double kLambda = 3, kMu[] = {4, 1};
  const auto mean_time = [&](double share) {
    // One token is one step of 1 ms / speed.
    const StubCost fast(StubTerms{1e-3 / kMu[0]}), slow(StubTerms{1e-3 / kMu[1]});
    PoolsConfig config;
    EngineConfig engine;
    engine.max_num_seqs = 1;
    engine.max_model_len = 200'000;
    engine.num_gpu_blocks = 100'000;
    for (const StubCost* cost : {&fast, &slow}) {
      config.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, {1, "random"}, cost});
      config.pools.back().weight = cost == &fast ? share : 1 - share;
    }
    WorkloadConfig load;
    load.arrivals = RenewalArrivals{kLambda};
    load.num_prompts = 40'000;
    load.lengths = {FixedLength{1}, ExponentialLength{1000}, {}};
    Times times;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const auto source = make_request_source(load, seed).value();
      for (PoolConfig& pool : config.pools) pool.cluster.routing.seed = seed;
      (void)simulate(config, *source, times);
    }
    const auto all = static_cast<double>(times.all);
    EXPECT_NEAR(static_cast<double>(times.of_first) / all, share, 0.005);
    return times.sum / all;
  };
  const double best = (kMu[0] - std::sqrt(kMu[0]) * (5 - kLambda) / 3) / kLambda;
  EXPECT_NEAR(best, 2.6667 / 3, 1e-4);
  const double by_speed = mean_time(0.8), split_best = mean_time(best);
  std::cout << "by speed " << by_speed << " s, best " << split_best << " s\n";
  EXPECT_NEAR(by_speed, 1, 0.03);
  EXPECT_NEAR(split_best, 0.8333, 0.025);
}

}  // namespace
}  // namespace foretoken::test
