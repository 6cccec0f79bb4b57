// Between the send and the scheduler: every request is known later by the same time, whatever the load, and by that of
// the front end's work on the prompts before it.
#include "serving/cluster/ingress.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "support/random_run.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

constexpr Duration kDelay{1'700'000};

std::vector<RequestRecord> records_of(const RandomRun& run, Duration delay, Duration shift) {
  SimulationConfig config = run.config;
  config.engine.per_request = delay;
  std::vector<Request> requests = run.requests;
  for (Request& r : requests) r.arrival += shift;
  const auto source = run.loop ? run.source() : make_fixed_source(std::move(requests));
  const StubCost cost(run.cost);
  Recorder recorder;
  (void)simulate(config, *source, cost, recorder);
  std::vector<RequestRecord> records = recorder.records;
  std::sort(records.begin(), records.end(),
            [](const auto& a, const auto& b) { return a.request.index < b.request.index; });
  return records;
}

Duration sum(const Attribution& parts) {
  return std::accumulate(parts.begin(), parts.end(), Duration{});
}

TEST(Ingress, IsTheSameAsSendingLaterAndIsCharged) {
  int open = 0, closed = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const RandomRun run = random_run(seed);
    const auto delayed = records_of(run, kDelay, {});
    const auto plain = records_of(run, {}, kDelay);
    if (!run.loop) {
      ASSERT_EQ(delayed.size(), plain.size());
    }
    for (std::size_t i = 0; i < delayed.size(); ++i) {
      const RequestRecord& d = delayed[i];
      if (d.outcome == Outcome::finished) {
        EXPECT_GE(d.scheduled - d.request.arrival, kDelay);
        EXPECT_EQ(sum(d.ttft_parts), d.first_token - d.request.arrival);
        EXPECT_EQ(sum(d.e2e_parts), d.finish - d.request.arrival);
      }
      if (run.loop) {
        ++closed;
        continue;
      }
      // A router chooses when a request is sent, by what it sees then.
      const ClusterConfig& cluster = run.config.cluster;
      if (cluster.replicas > 1 && cluster.router != "round_robin") continue;
      ++open;
      EXPECT_EQ(d.request.arrival + kDelay, plain[i].request.arrival);
      EXPECT_EQ(d.scheduled, plain[i].scheduled);
      EXPECT_EQ(d.finish, plain[i].finish);
      EXPECT_EQ(d.outcome, plain[i].outcome);
    }
  }
  EXPECT_GT(open, 100);
  EXPECT_GT(closed, 100);
}

Request sent_at(std::int64_t milliseconds, std::int32_t prompt_tokens) {
  Request r;
  r.arrival = TimePoint(Duration(milliseconds * 1'000'000));
  r.prompt_tokens = prompt_tokens;
  return r;
}

std::vector<std::int64_t> known_after_us(const EngineConfig& engine, const std::vector<Request>& sent) {
  FrontEnd front_end(engine);
  for (const Request& r : sent) front_end.enter(r, r.arrival);
  std::vector<std::int64_t> after;
  for (const Request& r : sent) {
    after.push_back((front_end.next() - r.arrival).count() / 1000);
    EXPECT_EQ(front_end.leave().arrival, r.arrival);
  }
  EXPECT_EQ(front_end.next(), kNever);
  return after;
}

TEST(FrontEnd, WorksOnOnePromptAfterTheOther) {
  EngineConfig engine;
  engine.per_request = Duration{4'000'000};
  engine.per_prompt_token = Duration{8'000};
  // 8, 16 and 4 ms of work: the second waits for the first, the third comes when nobody is there.
  EXPECT_THAT(known_after_us(engine, {sent_at(0, 1000), sent_at(1, 2000), sent_at(100, 500)}),
              testing::ElementsAre(12'000, 4'000 + 8'000 - 1'000 + 16'000, 8'000));
  // Together: each waits for those before it, in the mean (c - 1) / 2 prompts more than alone.
  EXPECT_THAT(known_after_us(engine, {sent_at(0, 1000), sent_at(0, 1000), sent_at(0, 1000)}),
              testing::ElementsAre(12'000, 20'000, 28'000));
}

// In stretches as step by step, on several replicas, each with a front end of its own.
TEST(FrontEnd, IsExactInStretches) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const RandomRun run = random_run(seed);
    std::vector<std::vector<RequestRecord>> answers;
    for (const bool step_by_step : {false, true}) {
      SimulationConfig config = run.config;
      config.engine.per_request = kDelay;
      config.engine.per_prompt_token = Duration{20'000};
      config.step_by_step = step_by_step;
      const auto source = run.loop ? run.source() : make_fixed_source(run.requests);
      const StubCost cost(run.cost);
      Recorder recorder;
      (void)simulate(config, *source, cost, recorder);
      answers.push_back(recorder.records);
    }
    ASSERT_EQ(answers[0].size(), answers[1].size());
    for (std::size_t i = 0; i < answers[0].size(); ++i) {
      const RequestRecord& a = answers[0][i];
      const RequestRecord& b = answers[1][i];
      EXPECT_EQ(a.request.index, b.request.index);
      EXPECT_EQ(a.first_token, b.first_token);
      EXPECT_EQ(a.finish, b.finish);
      if (a.outcome != Outcome::finished) continue;
      EXPECT_GE(a.request.on_the_way, kDelay + Duration{20'000} * a.request.prompt_tokens);
      EXPECT_EQ(sum(a.ttft_parts), a.first_token - a.request.arrival);
    }
  }
}

}  // namespace
}  // namespace foretoken::test
