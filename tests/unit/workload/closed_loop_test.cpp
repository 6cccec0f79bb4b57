// Seats, think time and conversations, by hand-computed timetables.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kMs = 1'000'000;
TimePoint at_ms(std::int64_t ms) {
  return TimePoint{Duration{ms * kMs}};
}
Duration ms(std::int64_t n) {
  return Duration{n * kMs};
}

std::unique_ptr<RequestSource> open(const WorkloadConfig& config, std::uint64_t seed = 51) {
  auto source = make_request_source(config, seed);
  if (!source) ADD_FAILURE() << format(source.error());
  return source ? std::move(*source) : make_fixed_source({});
}

// Constant arrivals every 10 ms: at 10, 20, 30 ...
WorkloadConfig every_10_ms(std::int64_t requests) {
  WorkloadConfig config;
  config.arrivals = RenewalArrivals{100, std::numeric_limits<double>::infinity()};
  config.num_prompts = requests;
  config.lengths = {FixedLength{100}, FixedLength{10}, {}};
  return config;
}

TEST(ClosedLoop, ASeatDelaysTheSendAndTheWaitIsTheClients) {
  WorkloadConfig config = every_10_ms(4);
  config.max_concurrency = 2;
  const auto source = open(config);
  const Request first = source->take(), second = source->take();
  EXPECT_EQ(first.arrival, at_ms(10));
  EXPECT_EQ(second.arrival, at_ms(20));
  EXPECT_EQ(source->next_arrival(), kNever) << "both seats are taken";
  source->completed(second, at_ms(55));
  EXPECT_EQ(source->next_arrival(), at_ms(55)) << "meant for 30 ms, sent at 55";
  const Request third = source->take();
  EXPECT_EQ(third.client_wait, ms(25));
  EXPECT_EQ(third.index, 2);
  source->completed(first, at_ms(60));
  const Request fourth = source->take();
  EXPECT_EQ(fourth.arrival, at_ms(60));
  EXPECT_EQ(fourth.client_wait, ms(20)) << "meant for 40 ms";
  source->completed(third, at_ms(70));
  source->completed(fourth, at_ms(80));
  EXPECT_EQ(source->next_arrival(), kNever) << "all four sent";
}

TEST(ClosedLoop, AFreeSeatDoesNotHurryTheArrivals) {
  WorkloadConfig config = every_10_ms(3);
  config.max_concurrency = 1;
  const auto source = open(config);
  source->completed(source->take(), at_ms(11));
  EXPECT_EQ(source->next_arrival(), at_ms(20));
  EXPECT_EQ(source->take().client_wait, Duration{});
}

TEST(ClosedLoop, ThinkTimeAndClientDelayStandBetweenAFinishAndTheNextSend) {
  WorkloadConfig config = every_10_ms(10);
  config.arrivals = AllAtOnceArrivals{};
  config.max_concurrency = 2;
  config.think_time = {false, ms(7)};
  config.client_delay = ms(1);
  const auto source = open(config);
  const Request a = source->take(), b = source->take();
  EXPECT_EQ(a.arrival, at_ms(0));
  EXPECT_EQ(b.arrival, at_ms(0));
  source->completed(b, at_ms(30));
  source->completed(a, at_ms(32));
  EXPECT_EQ(source->next_arrival(), at_ms(38)) << "30 + 7 + 1";
  const Request c = source->take();
  EXPECT_EQ(c.client_wait, ms(38));
  EXPECT_EQ(source->next_arrival(), at_ms(40));
}

TEST(ClosedLoop, LastsForTheDurationWithoutNumPrompts) {
  WorkloadConfig config = every_10_ms(1);
  config.arrivals = AllAtOnceArrivals{};
  config.num_prompts.reset();
  config.duration = ms(100);
  config.max_concurrency = 1;
  const auto source = open(config);
  int sent = 0;
  TimePoint now{};
  while (source->next_arrival() != kNever) {
    const Request request = source->take();
    ++sent;
    source->completed(request, now = request.arrival + ms(30));
  }
  EXPECT_EQ(sent, 4) << "sends at 0, 30, 60, 90 ms";
  EXPECT_EQ(now, at_ms(120));
}

TEST(ClosedLoop, ThinkingDoesNotDependOnTheOrderOfCompletions) {
  WorkloadConfig config = every_10_ms(100);
  config.arrivals = AllAtOnceArrivals{};
  config.max_concurrency = 2;
  config.think_time = {true, ms(50)};
  const auto one = open(config), two = open(config);
  const Request a = one->take(), b = one->take();
  (void)two->take();
  (void)two->take();
  one->completed(a, at_ms(10));
  one->completed(b, at_ms(10));
  two->completed(b, at_ms(10));
  two->completed(a, at_ms(10));
  EXPECT_EQ(one->next_arrival(), two->next_arrival());
  (void)one->take();
  (void)two->take();
  EXPECT_EQ(one->next_arrival(), two->next_arrival());
}

TEST(ClosedLoop, AVeryLargeLimitCostsNoMemoryAndIsNoLimit) {
  WorkloadConfig config = every_10_ms(1000);
  config.max_concurrency = std::numeric_limits<std::int64_t>::max();
  const auto source = open(config);
  for (int i = 1; i <= 1000; ++i) ASSERT_EQ(source->take().arrival, at_ms(10 * i));
}

WorkloadConfig conversations(std::int64_t turns, std::int64_t requests) {
  WorkloadConfig config = every_10_ms(requests);
  config.sessions = SessionConfig{FixedLength{turns}, {false, ms(100)}};
  return config;
}

TEST(Sessions, ATurnsPromptIsTheWholeConversationPlusTheNewInput) {
  const auto source = open(conversations(3, 100));
  const Request opening = source->take();
  EXPECT_EQ(opening.prompt_tokens, 100);
  source->completed(opening, at_ms(15));  // 15 + 100 ms of thinking: the next turn at 115
  for (int i = 2; i <= 11; ++i) ASSERT_EQ(source->take().arrival, at_ms(10 * i)) << "openings go on";
  EXPECT_EQ(source->next_arrival(), at_ms(115));
  const Request second = source->take();
  EXPECT_EQ(second.prompt_tokens, 100 + 10 + 100);
  EXPECT_EQ(second.index, 11);
  source->completed(second, at_ms(119));
  for (int i = 12; i <= 21; ++i) ASSERT_EQ(source->take().arrival, at_ms(10 * i));
  const Request third = source->take();
  EXPECT_EQ(third.arrival, at_ms(219));
  EXPECT_EQ(third.prompt_tokens, 210 + 10 + 100);
  source->completed(third, at_ms(221));
  for (int i = 22; i <= 60; ++i) ASSERT_EQ(source->take().arrival, at_ms(10 * i)) << "no fourth turn";
}

TEST(Sessions, NumPromptsCountsTurns) {
  const auto source = open(conversations(3, 4));
  std::vector<Request> sent;
  while (source->next_arrival() != kNever) {
    sent.push_back(source->take());
    source->completed(sent.back(), sent.back().arrival + ms(1));
  }
  EXPECT_EQ(sent.size(), 4u);
}

TEST(Sessions, AConversationHoldsItsSeatThroughAllItsTurns) {
  WorkloadConfig config = conversations(2, 100);
  config.arrivals = AllAtOnceArrivals{};
  config.max_concurrency = 1;
  config.think_time = {false, ms(5)};
  const auto source = open(config);
  const Request opening = source->take();
  source->completed(opening, at_ms(10));
  const Request answer = source->take();
  EXPECT_EQ(answer.arrival, at_ms(110)) << "its second turn, not the next conversation at 10 ms";
  EXPECT_EQ(answer.prompt_tokens, 210);
  EXPECT_EQ(answer.client_wait, Duration{});
  source->completed(answer, at_ms(130));
  const Request next = source->take();
  EXPECT_EQ(next.arrival, at_ms(135)) << "the seat is free 5 ms after the end of the conversation";
  EXPECT_EQ(next.prompt_tokens, 100);
}

TEST(Sessions, WhatIsSaidDoesNotDependOnTheServersSpeed) {
  WorkloadConfig config = conversations(1, 400);
  config.sessions->turns = UniformLength{1, 6};
  config.lengths = {UniformLength{1, 1000}, UniformLength{1, 1000}, {}};
  config.classes = {{"a", 1, config.lengths, {}, 0, {}}, {"b", 2, config.lengths, {}, 1, {}}};
  config.arrivals = RenewalArrivals{0.5};  // far apart: conversations hardly overlap
  config.num_prompts = 5000;
  // The multiset of prompts of openings: by client, the same for a fast and a slow server.
  const auto openings = [&](Duration service) {
    const auto source = open(config);
    std::vector<std::int64_t> prompts;
    std::vector<std::pair<TimePoint, Request>> busy;
    while (source->next_arrival() != kNever || !busy.empty()) {
      if (!busy.empty() && busy.front().first <= source->next_arrival()) {
        source->completed(busy.front().second, busy.front().first);
        busy.erase(busy.begin());
        continue;
      }
      const Request r = source->take();
      if (r.prompt_tokens <= 1000 && prompts.size() < 300) prompts.push_back(r.prompt_tokens * 10 + r.class_index);
      busy.emplace_back(r.arrival + service, r);
    }
    std::sort(prompts.begin(), prompts.end());
    return prompts;
  };
  const auto fast = openings(ms(1)), slow = openings(ms(400));
  std::vector<std::int64_t> common;
  std::set_intersection(fast.begin(), fast.end(), slow.begin(), slow.end(), std::back_inserter(common));
  EXPECT_GE(common.size(), 285u) << "of 300; a few at the edge of the count may differ";
}

TEST(Sessions, EndlessConversationsStopGrowingAtTheLargestPrompt) {
  WorkloadConfig config = conversations(50, 40);
  config.lengths = {FixedLength{60'000'000}, FixedLength{60'000'000}, {}};
  const auto source = open(config);
  std::int32_t longest = 0;
  while (source->next_arrival() != kNever) {
    const Request r = source->take();
    longest = std::max(longest, r.prompt_tokens);
    source->completed(r, r.arrival + ms(1));
  }
  EXPECT_EQ(longest, 100'000'000);
}

}  // namespace
}  // namespace foretoken
