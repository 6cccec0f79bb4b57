// The stream of requests of an open loop: limits, classes, streams of random numbers.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "foretoken/workload/request_source.hpp"
#include "support/goodness_of_fit.hpp"

namespace foretoken {
namespace {

std::vector<Request> all(const WorkloadConfig& config, std::uint64_t seed = 41) {
  auto source = make_request_source(config, seed);
  EXPECT_TRUE(source.has_value()) << (source ? "" : format(source.error()));
  std::vector<Request> requests;
  if (!source) return requests;
  while ((*source)->next_arrival() != kNever) {
    const TimePoint at = (*source)->next_arrival();
    requests.push_back((*source)->take());
    EXPECT_EQ(requests.back().arrival, at);
  }
  return requests;
}

WorkloadConfig poisson(double rate, std::int64_t requests) {
  WorkloadConfig config;
  config.arrivals = RenewalArrivals{rate};
  config.num_prompts = requests;
  return config;
}

TEST(RequestSource, SendsExactlyNumPromptsNumberedFromZero) {
  const auto requests = all(poisson(10, 123));
  ASSERT_EQ(requests.size(), 123u);
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(requests[i].index, static_cast<std::int64_t>(i));
  EXPECT_EQ(requests[5].prompt_tokens, 1024);
  EXPECT_EQ(requests[5].output_tokens, 128);
  EXPECT_EQ(requests[5].max_tokens, 128);
  EXPECT_EQ(requests[5].prefix_row, -1);
  EXPECT_EQ(requests[5].client_wait, Duration{});
}

TEST(RequestSource, ASharedPrefixStandsBeforeEveryPromptAndIsTheSameInAll) {
  WorkloadConfig config = poisson(10, 20);
  EXPECT_FALSE(may_share_prefixes(config));
  const auto alone = all(config);
  config.shared_prefix = 100;
  EXPECT_TRUE(may_share_prefixes(config));
  const auto together = all(config);
  ASSERT_EQ(together.size(), 20u);
  for (std::size_t i = 0; i < together.size(); ++i) {
    EXPECT_EQ(together[i].prompt_tokens, alone[i].prompt_tokens + 100);
    EXPECT_EQ(together[i].arrival, alone[i].arrival);
    EXPECT_EQ(together[i].prefix_row, 0);
  }
  const auto source = make_request_source(config, 41);
  ASSERT_NE((*source)->prefixes(), nullptr);
  EXPECT_EQ((*source)->prefixes()->block_tokens(0), 100);
}

TEST(RequestSource, AClassHasTheWorkloadsPrefixOrItsOwnOrNone) {
  WorkloadConfig config = poisson(10, 200);
  config.shared_prefix = 100;
  config.classes.resize(3);
  const char* names[] = {"common", "own", "none"};
  for (std::size_t i = 0; i < 3; ++i) config.classes[i].name = names[i];
  config.classes[1].shared_prefix = 7;
  config.classes[2].shared_prefix = 0;
  const std::int32_t extra[] = {100, 7, 0};
  const std::int32_t row[] = {0, 1, -1};
  for (const Request& r : all(config)) {
    EXPECT_EQ(r.prompt_tokens, 1024 + extra[r.class_index]);
    EXPECT_EQ(r.prefix_row, row[r.class_index]);
  }
  config.shared_prefix = 0;
  EXPECT_TRUE(may_share_prefixes(config)) << "the class's own";
  config.classes[1].shared_prefix = 0;
  EXPECT_FALSE(may_share_prefixes(config));
}

TEST(RequestSource, SendsNothingAtOrAfterTheDuration) {
  WorkloadConfig config = poisson(10, 1);
  config.num_prompts.reset();
  config.arrivals = RenewalArrivals{10, std::numeric_limits<double>::infinity()};
  config.duration = Duration{1'000'000'000};
  const auto requests = all(config);
  EXPECT_EQ(requests.size(), 9u) << "0.1 s, 0.2 s ... 0.9 s; the request at 1.0 s is out";
  config.num_prompts = 4;
  EXPECT_EQ(all(config).size(), 4u) << "whichever limit comes first";
}

TEST(RequestSource, TheSameSeedGivesTheSameRequestsAndAnotherSeedOthers) {
  WorkloadConfig config = poisson(10, 500);
  config.lengths.input = LognormalLength{6, 1, 1, 10'000};
  config.lengths.output = ZipfLength{1.1, 1, 500};
  const auto a = all(config, 1), b = all(config, 1), c = all(config, 2);
  std::size_t same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].arrival, b[i].arrival);
    ASSERT_EQ(a[i].prompt_tokens, b[i].prompt_tokens);
    ASSERT_EQ(a[i].output_tokens, b[i].output_tokens);
    same += a[i].arrival == c[i].arrival ? 1 : 0;
  }
  EXPECT_LT(same, 5u);
}

TEST(RequestSource, EachPurposeHasItsOwnStream) {
  WorkloadConfig config = poisson(10, 200);
  config.lengths.input = UniformLength{1, 100'000};
  config.lengths.output = UniformLength{1, 100'000};
  const auto base = all(config);

  WorkloadConfig other = config;
  other.arrivals = RenewalArrivals{20, 0.5};
  const auto arrivals = all(other);
  other = config;
  other.lengths.input = ZipfLength{1.2, 1, 1000};
  const auto inputs = all(other);
  other = config;
  other.lengths.output = LognormalLength{5, 1, 1, 1000};
  const auto outputs = all(other);
  for (std::size_t i = 0; i < base.size(); ++i) {
    ASSERT_EQ(base[i].prompt_tokens, arrivals[i].prompt_tokens);
    ASSERT_EQ(base[i].output_tokens, arrivals[i].output_tokens);
    ASSERT_EQ(base[i].arrival, inputs[i].arrival);
    ASSERT_EQ(base[i].output_tokens, inputs[i].output_tokens);
    ASSERT_EQ(base[i].arrival, outputs[i].arrival);
    ASSERT_EQ(base[i].prompt_tokens, outputs[i].prompt_tokens);
  }
}

WorkloadConfig two_classes(double weight_of_batch) {
  WorkloadConfig config = poisson(10, 20'000);
  config.classes = {{"chat", 3, {UniformLength{1, 1000}, FixedLength{10}, {}}, {}, -1, {}},
                    {"batch", weight_of_batch, {UniformLength{5000, 6000}, FixedLength{20}, {}}, {}, 5, {}}};
  return config;
}

TEST(RequestSource, ClassesComeByWeightWithTheirLengthsAndPriority) {
  const auto requests = all(two_classes(1));
  double batch = 0;
  for (const Request& r : requests) {
    if (r.class_index == 1) batch += 1;
    ASSERT_EQ(r.priority, r.class_index == 1 ? 5 : -1);
    ASSERT_EQ(r.output_tokens, r.class_index == 1 ? 20 : 10);
    ASSERT_EQ(r.prompt_tokens >= 5000, r.class_index == 1);
  }
  EXPECT_NEAR(batch, 5000, test::kSigmas * std::sqrt(20'000 * 0.25 * 0.75));
}

TEST(RequestSource, AClassKeepsItsLengthsWhenAnothersWeightChanges) {
  const auto chats = [](const std::vector<Request>& requests) {
    std::vector<std::int32_t> prompts;
    for (const Request& r : requests) {
      if (r.class_index == 0) prompts.push_back(r.prompt_tokens);
    }
    prompts.resize(1000);
    return prompts;
  };
  EXPECT_EQ(chats(all(two_classes(1))), chats(all(two_classes(9))));
}

TEST(RequestSource, WithoutIgnoreEosAnswersAreCutAtMaxTokensAndPoliciesSeeOnlyThat) {
  WorkloadConfig config = poisson(10, 1000);
  config.lengths.output = UniformLength{1, 200};
  config.ignore_eos = false;
  config.max_tokens = 100;
  bool shorter = false;
  for (const Request& r : all(config)) {
    ASSERT_EQ(r.max_tokens, 100);
    ASSERT_LE(r.output_tokens, 100);
    shorter |= r.output_tokens < 100;
  }
  EXPECT_TRUE(shorter);
}

TEST(RequestSource, PairedLengthsStayTogether) {
  const auto path = std::filesystem::temp_directory_path() / "foretoken_pairs_test.csv";
  std::ofstream(path) << "input_tokens,output_tokens\n100,1\n200,2\n300,3\n";
  WorkloadConfig config = poisson(10, 3000);
  config.lengths.paired = PairedLengths{path.string(), "auto"};
  std::vector<double> counts(4);
  for (const Request& r : all(config)) {
    ASSERT_EQ(r.prompt_tokens, 100 * r.output_tokens);
    counts[static_cast<std::size_t>(r.output_tokens)] += 1;
  }
  for (int i = 1; i <= 3; ++i) {
    EXPECT_NEAR(counts[static_cast<std::size_t>(i)], 1000, test::kSigmas * std::sqrt(3000 * 2.0 / 9));
  }
  std::filesystem::remove(path);
}

TEST(RequestSource, SaysSoWhenNothingWouldBeSent) {
  WorkloadConfig config = poisson(1e-6, 10);
  config.duration = Duration{1000};
  const auto source = make_request_source(config, 1);
  ASSERT_FALSE(source);
  EXPECT_NE(format(source.error()).find("no request arrives before the end of the run"), std::string::npos);
}

TEST(FixedSource, SortsStablyAndNumbers) {
  std::vector<Request> requests(3);
  requests[0].arrival = TimePoint{Duration{20}};
  requests[0].prompt_tokens = 1;
  requests[1].arrival = TimePoint{Duration{10}};
  requests[1].prompt_tokens = 2;
  requests[2].arrival = TimePoint{Duration{10}};
  requests[2].prompt_tokens = 3;
  requests[2].output_tokens = 7;
  const auto source = make_fixed_source(requests);
  EXPECT_EQ(source->next_arrival(), TimePoint{Duration{10}});
  const Request first = source->take(), second = source->take(), third = source->take();
  EXPECT_EQ(first.prompt_tokens, 2);
  EXPECT_EQ(second.prompt_tokens, 3);
  EXPECT_EQ(second.max_tokens, 7);
  EXPECT_EQ(third.prompt_tokens, 1);
  EXPECT_EQ(third.index, 2);
  EXPECT_EQ(source->next_arrival(), kNever);
  EXPECT_EQ(make_fixed_source({})->next_arrival(), kNever);
}

}  // namespace
}  // namespace foretoken
