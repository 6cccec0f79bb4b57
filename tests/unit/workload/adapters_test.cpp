// Who asks for which LoRA adapter, and who ends by a stop string: streams of their own.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {
namespace {

constexpr int kRequests = 20'000;

WorkloadConfig workload() {
  WorkloadConfig w;
  w.arrivals = RenewalArrivals{100, 1, false};
  w.num_prompts = kRequests;
  w.lengths.input = UniformLength{10, 500};
  w.lengths.output = UniformLength{1, 200};
  return w;
}

std::vector<Request> all_of(const WorkloadConfig& w, std::uint64_t seed = 7) {
  const auto source = make_request_source(w, seed).value();
  std::vector<Request> all;
  for (TimePoint now{}; source->next_arrival() != kNever;) {
    all.push_back(source->take());
    now = std::max(now, all.back().arrival);
    source->completed(all.back(), now);
  }
  return all;
}

TEST(AdaptersOfRequests, AreAskedForByTheirWeights) {
  WorkloadConfig w = workload();
  w.adapters.weights = {4, 2, 1, 1};
  w.adapters.ranks = {16, 16, 16, 16};
  w.adapters.base_share = 0.2;
  std::map<int, int> count;
  for (const Request& r : all_of(w)) ++count[r.adapter];
  const double expected[] = {0.2, 0.4, 0.2, 0.1, 0.1};
  for (int adapter = -1; adapter < 4; ++adapter) {
    const double share = expected[adapter + 1];
    const double error = 4 * std::sqrt(share * (1 - share) / kRequests);
    EXPECT_NEAR(count[adapter] / static_cast<double>(kRequests), share, error) << adapter;
  }
}

TEST(AdaptersOfRequests, ChangeNothingElse) {
  WorkloadConfig w = workload();
  const std::vector<Request> without = all_of(w);
  w.adapters.weights = {1, 1};
  w.adapters.ranks = {16, 16};
  w.ignore_eos = false;
  w.max_tokens = 300;
  w.stop_string_share = 0.3;
  const std::vector<Request> with = all_of(w);
  ASSERT_EQ(with.size(), without.size());
  int stops = 0;
  for (std::size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(with[i].arrival, without[i].arrival);
    EXPECT_EQ(with[i].prompt_tokens, without[i].prompt_tokens);
    EXPECT_EQ(with[i].output_tokens, without[i].output_tokens);
    EXPECT_EQ(without[i].adapter, -1);
    EXPECT_FALSE(without[i].stop_string);
    stops += with[i].stop_string ? 1 : 0;
  }
  EXPECT_NEAR(stops / static_cast<double>(kRequests), 0.3, 0.02);
}

TEST(AdaptersOfRequests, AreOfAllTurnsOfAConversation) {
  WorkloadConfig w = workload();
  w.num_prompts = 500;
  w.sessions = SessionConfig{FixedLength{4}, {}};
  w.adapters.weights.assign(9, 1);
  w.adapters.ranks.assign(9, 16);
  std::map<std::int32_t, std::int16_t> of_conversation;
  std::map<std::int16_t, int> seen;
  for (const Request& r : all_of(w)) {
    const auto [place, is_new] = of_conversation.try_emplace(r.conversation, r.adapter);
    EXPECT_EQ(place->second, r.adapter);
    ++seen[r.adapter];
  }
  EXPECT_EQ(seen.size(), 9u);
}

// A tenant's own: of its requests and of all turns of its conversations; the others draw theirs.
TEST(AdaptersOfRequests, AreThoseThatTheirClassNames) {
  for (const bool conversations : {false, true}) {
    WorkloadConfig w = workload();
    w.num_prompts = 600;
    if (conversations) w.sessions = SessionConfig{FixedLength{3}, {}};
    w.adapters.weights = {1, 1, 1};
    w.adapters.ranks = {16, 16, 16};
    w.classes.resize(3);
    for (std::size_t i = 0; i < w.classes.size(); ++i) {
      w.classes[i].name = std::string(1, static_cast<char>('a' + i));
      w.classes[i].lengths = w.lengths;
    }
    w.classes[0].adapter = 2;
    w.classes[1].adapter = -1;
    std::map<int, std::map<int, int>> seen;
    for (const Request& r : all_of(w)) ++seen[r.class_index][r.adapter];
    EXPECT_EQ(seen[0].size(), 1u);
    EXPECT_GT(seen[0][2], 0);
    EXPECT_EQ(seen[1].size(), 1u);
    EXPECT_GT(seen[1][-1], 0);
    EXPECT_EQ(seen[2].size(), 3u);
  }
}

// Where every end is foreseen, none is by a stop string.
TEST(StopStrings, NeedAnAnswerShorterThanItMayBe) {
  WorkloadConfig w = workload();
  w.stop_string_share = 1;
  for (const Request& r : all_of(w)) EXPECT_FALSE(r.ends_by_stop_string());
  w.ignore_eos = false;
  w.max_tokens = 100;
  for (const Request& r : all_of(w)) EXPECT_EQ(r.ends_by_stop_string(), r.output_tokens < 100);
}

}  // namespace
}  // namespace foretoken
