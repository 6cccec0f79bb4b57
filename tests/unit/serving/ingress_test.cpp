// Between the send and the scheduler: every request is known later by the same time, whatever the load.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace foretoken::test
