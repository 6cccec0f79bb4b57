// Independent replicas on several threads are told in the order, and with the bytes, of one thread.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "experiment/independent_replicas.hpp"
#include "support/how_many.hpp"
#include "support/random_run.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

// All that it is told, in order.
class Listener final : public Observer {
 public:
  void on_request(const RequestRecord& r) override {
    text_ += fmt::format("request {} {} at {} on {}\n", r.request.index, to_string(r.outcome),
                         r.finish.time_since_epoch().count(), r.replica);
    recorder_.on_request(r);
  }
  void on_steps(const StepSpan& s) override {
    text_ +=
        fmt::format("{} steps of {} rows and {} chunks from {} to {} on {}\n", s.steps, s.decode_rows, s.prefill.size(),
                    s.begin.time_since_epoch().count(), s.end.time_since_epoch().count(), s.replica);
    recorder_.on_steps(s);
  }
  void on_gap(Duration gap, std::int64_t rows) override {
    text_ += fmt::format("gap {} of {}\n", gap.count(), rows);
    recorder_.on_gap(gap, rows);
  }
  [[nodiscard]] std::string text(const SimulationOutcome& outcome) const { return recorder_.text(outcome) + text_; }

 private:
  Recorder recorder_;
  std::string text_;
};

RandomRun independent_run(std::uint64_t seed) {
  RandomRun run = random_run(seed);
  while (run.loop) run = random_run(seed += 1'000'000);
  run.config.cluster.replicas = 2 + static_cast<int>(seed % 5);
  run.config.cluster.router = "round_robin";
  run.config.cluster.routing = {};
  return run;
}

std::string on_one_thread(const RandomRun& run) {
  const StubCost cost(run.cost);
  const auto source = run.source();
  Listener listener;
  const SimulationOutcome outcome = simulate(run.config, *source, cost, listener);
  return listener.text(outcome);
}

std::string on_threads(const RandomRun& run, int shards, std::int64_t window) {
  std::vector<std::unique_ptr<StubCost>> costs;
  std::vector<const CostModel*> each;
  for (int shard = 0; shard < shards; ++shard) {
    costs.push_back(std::make_unique<StubCost>(run.cost));
    each.push_back(costs.back().get());
  }
  const auto source = run.source();
  Listener listener;
  const SimulationOutcome outcome = simulate_independent({run.config, each, 2, nullptr, window}, *source, listener);
  return listener.text(outcome);
}

TEST(ThreadsAgainstOne, EveryObserverIsToldTheSameInTheSameOrder) {
  const int scenarios = how_many_scenarios(400);
  for (int i = 0; i < scenarios; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const RandomRun run = independent_run(seed);
    const std::string expected = on_one_thread(run);
    const int shards = 1 + i % run.config.cluster.replicas;
    ASSERT_EQ(on_threads(run, shards, 1 + i % 7), expected) << "seed " << seed << ", " << shards << " shards";
  }
}

TEST(ThreadsAgainstOne, OnlyReplicasThatKnowNothingOfEachOtherAreIndependent) {
  const RandomRun run = independent_run(1);
  const auto source = run.source();
  const Recorder observer;
  EXPECT_TRUE(are_independent(run.config, *source, observer, 100'000));
  EXPECT_FALSE(are_independent(run.config, *source, observer, std::nullopt)) << "may be more than are allowed at once";
  EXPECT_FALSE(are_independent(run.config, *source, observer, 100)) << "not worth it";
  SimulationConfig other = run.config;
  other.cluster.router = "least_outstanding";
  EXPECT_FALSE(are_independent(other, *source, observer, 100'000));
  other = run.config;
  other.cluster.replicas = 1;
  EXPECT_FALSE(are_independent(other, *source, observer, 100'000));
  WorkloadConfig loop;
  loop.max_concurrency = 4;
  const auto closed = make_request_source(loop, 1);
  ASSERT_TRUE(closed);
  EXPECT_FALSE(are_independent(run.config, **closed, observer, 100'000));
}

}  // namespace
}  // namespace foretoken::test
