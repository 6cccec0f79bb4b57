// Clients that give up and try again, on a server that takes one second for each request: worked out by hand, and a
// table of shares that another program computed.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/math.hpp"
#include "base/random.hpp"
#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

constexpr Duration kSecond = std::chrono::seconds{1};

Request at_seconds(double seconds, int tokens = 1) {
  Request r;
  r.arrival = TimePoint{duration_from_seconds(seconds)};
  r.output_tokens = r.max_tokens = tokens;
  return r;
}

// One at a time, one second each: one step, or as many as a request has tokens.
struct SlowServer {
  StubCost cost;
  PoolsConfig config;

  explicit SlowServer(Duration timeout, std::int64_t retries, bool aborts = false, int tokens = 1)
      : cost(StubTerms{1.0 / tokens}) {
    EngineConfig engine;
    engine.max_num_seqs = 1;
    engine.num_gpu_blocks = 1000;
    config.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, {}, &cost});
    config.clients.on = true;
    config.clients.timeout = timeout;
    config.clients.retries = retries;
    config.clients.aborts = aborts;
  }

  // In order of arrival; one for each request.
  std::vector<RequestRecord> records(std::vector<Request> requests) {
    const std::size_t sent = requests.size();
    const auto source = make_fixed_source(std::move(requests));
    Recorder seen;
    outcome = simulate(config, *source, seen);
    EXPECT_EQ(seen.records.size(), sent);
    EXPECT_EQ(outcome.arrived, static_cast<std::int64_t>(sent));
    EXPECT_EQ(outcome.finished + outcome.timed_out, outcome.arrived);
    return seen.by_index();
  }
  SimulationOutcome outcome;
};

constexpr std::size_t kBurst = 10;
std::vector<Request> burst_then_every(double gap, int steady) {
  std::vector<Request> requests(kBurst, at_seconds(0));
  for (int k = 1; k <= steady; ++k) requests.push_back(at_seconds(gap * k));
  return requests;
}

// The arrival of the last request that got no answer, in seconds.
double last_bad(const std::vector<RequestRecord>& records) {
  double last = -1;
  for (const RequestRecord& r : records) {
    if (r.outcome != Outcome::finished) last = to_seconds(r.request.arrival);
  }
  return last;
}

std::int64_t answered(const std::vector<RequestRecord>& records, std::size_t from, std::size_t to) {
  std::int64_t n = 0;
  for (std::size_t i = from; i < to; ++i) n += records[i].outcome == Outcome::finished ? 1 : 0;
  return n;
}

// A finish at the deadline counts; the k-th steady request takes 10 - 0.25 k seconds.
TEST(Clients, WithoutRetriesABurstIsForgotten) {
  SlowServer server(3 * kSecond, 0);
  const auto records = server.records(burst_then_every(1.25, 100));
  EXPECT_EQ(answered(records, 0, kBurst), 3);
  for (std::size_t k = 1; k <= 100; ++k) EXPECT_EQ(records[kBurst + k - 1].outcome == Outcome::finished, k >= 28) << k;
  EXPECT_EQ(records[kBurst + 27].request.arrival, TimePoint{35 * kSecond});
  EXPECT_EQ(server.outcome.clients.late, 7 + 27);
  EXPECT_EQ(server.outcome.clients.attempts, 110);
}

TEST(Clients, OneRetryKeepsAServerBusyForNobody) {
  SlowServer server(3 * kSecond, 1);
  const auto records = server.records(burst_then_every(1.25, 400));
  EXPECT_EQ(answered(records, kBurst, records.size()), 0);
}

TEST(Clients, AtHalfTheLoadOneRetryIsSurvivedAndTwoAreNot) {
  SlowServer one(3 * kSecond, 1);
  EXPECT_DOUBLE_EQ(last_bad(one.records(burst_then_every(2.5, 400))), 57.5);
  EXPECT_DOUBLE_EQ(to_seconds(one.outcome.clients.last_unanswered), 57.5);
  SlowServer two(3 * kSecond, 2);
  const auto records = two.records(burst_then_every(2.5, 400));
  EXPECT_EQ(answered(records, kBurst, records.size()), 0);
}

// The latency of who is answered at the second attempt counts from the first, and its parts say so.
TEST(Clients, ARequestIsMeasuredFromItsFirstAttempt) {
  SlowServer server(3 * kSecond, 1);
  server.config.clients.backoff = kSecond / 2;
  server.config.clients.most_backoff = 8 * kSecond;
  // The fourth would be done at 4 s; its second attempt begins at 3.5 s and is served from 4 s to 5 s.
  const auto records = server.records(std::vector<Request>(4, at_seconds(0)));
  const RequestRecord& r = records[3];
  ASSERT_EQ(r.outcome, Outcome::finished);
  EXPECT_EQ(r.attempts, 2);
  EXPECT_EQ(r.request.arrival, TimePoint{});
  EXPECT_EQ(r.finish, TimePoint{5 * kSecond});
  EXPECT_EQ(r.e2e_parts[static_cast<std::size_t>(AttributionPart::earlier_attempts)], 3 * kSecond + kSecond / 2);
  EXPECT_EQ(r.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)], kSecond / 2);
  Duration sum{};
  for (const Duration d : r.ttft_parts) sum += d;
  EXPECT_EQ(sum, r.first_token - r.request.arrival);
}

// H: an attempt's deadline and that of all attempts are two: three attempts of 3 s begin within 7 s. One that would
// begin later is not sent.
TEST(Clients, GiveUpAtTheDeadlineOfAllAttempts) {
  for (const bool pauses : {false, true}) {
    SlowServer server(3 * kSecond, 5);
    server.config.clients.total_timeout = 7 * kSecond;
    if (pauses) server.config.clients.backoff = server.config.clients.most_backoff = 5 * kSecond;
    const RequestRecord last = server.records(std::vector<Request>(20, at_seconds(0))).back();
    EXPECT_EQ(last.outcome, Outcome::timed_out);
    EXPECT_EQ(last.attempts, pauses ? 1 : 3);
    EXPECT_EQ(last.finish, TimePoint{(pauses ? 3 : 7) * kSecond});
  }
}

TEST(Clients, WhatIsAbortedWhileItWaitsIsNeverServed) {
  SlowServer server(3 * kSecond, 0, true);
  const auto records = server.records(std::vector<Request>(kBurst, at_seconds(0)));
  EXPECT_EQ(answered(records, 0, kBurst), 3);
  EXPECT_EQ(server.outcome.clients.late, 0);
  EXPECT_EQ(server.outcome.replicas[0].prefill_tokens, 3);  // at 3 s they give up before the next is scheduled
  EXPECT_EQ(server.outcome.end, TimePoint{3 * kSecond});
}

// ---- one server of 1 s, Poisson arrivals, a burst of 60 at 0, a deadline of 10 s, 4000 s; the share of the
// second half that is answered ----

// Of so many tokens that an abort, which waits for the end of a step, comes nearly at once.
constexpr int kTokens = 50;

std::vector<Request> burst_and_poisson(double rate, std::uint64_t seed) {
  std::vector<Request> requests(60, at_seconds(0, kTokens));
  RandomStream random(seed, "storm");
  for (double t = 0; (t -= exact_log(random.uniform()) / rate) < 4000;) requests.push_back(at_seconds(t, kTokens));
  return requests;
}

struct StormCase {
  double rate;
  double none, two, backoff, aborted, budget;  // published shares
};

double answered_in_second_half(double rate, const std::function<void(ClientConfig&)>& change) {
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SlowServer server(10 * kSecond, 2, false, kTokens);
    server.config.clients.seed = seed;
    change(server.config.clients);
    double offered = 0, good = 0;
    for (const RequestRecord& r : server.records(burst_and_poisson(rate, seed))) {
      if (to_seconds(r.request.arrival) < 2000) continue;
      ++offered;
      good += r.outcome == Outcome::finished ? 1 : 0;
    }
    sum += good / offered;
  }
  return sum / 3;
}

TEST(Clients, RetryStormsEndOrStayAsPublished) {
  constexpr StormCase kCases[] = {{0.3, 1, 1, 1, 1, 1}, {0.4, 1, 0, 0, 1, 1},          {0.6, 1, 0, 0, 1, 1},
                                  {0.7, 1, 0, 0, 1, 1}, {0.8, 0.99, 0, 0, 0.98, 0.92}, {0.9, 0.86, 0, 0, 0.69, 0.30}};
  for (const StormCase& c : kCases) {
    // Near saturation the published shares are means of three seeds of a queue that wanders.
    const double tolerance = c.rate < 0.8 ? 0.015 : c.rate < 0.9 ? 0.08 : 0.25;
    EXPECT_NEAR(answered_in_second_half(c.rate, [](ClientConfig& k) { k.retries = 0; }), c.none, tolerance) << c.rate;
    EXPECT_NEAR(answered_in_second_half(c.rate, [](ClientConfig&) {}), c.two, tolerance) << c.rate;
    EXPECT_NEAR(answered_in_second_half(c.rate,
                                        [](ClientConfig& k) {
                                          k.backoff = kSecond / 2;
                                          k.most_backoff = 8 * kSecond;
                                          k.jitter = Jitter::minus_25;
                                        }),
                c.backoff, tolerance)
        << c.rate;
    EXPECT_NEAR(answered_in_second_half(c.rate, [](ClientConfig& k) { k.aborts = true; }), c.aborted, tolerance)
        << c.rate;
    EXPECT_NEAR(answered_in_second_half(c.rate, [](ClientConfig& k) { k.budget_per_request = 0.1; }), c.budget,
                tolerance)
        << c.rate;
  }
}

}  // namespace
}  // namespace foretoken::test
