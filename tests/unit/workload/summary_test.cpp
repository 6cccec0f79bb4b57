// What is said of a workload before a run, against the requests that it sends.
#include <gtest/gtest.h>

#include "foretoken/workload/request_source.hpp"
#include "support/goodness_of_fit.hpp"

namespace foretoken {
namespace {

WorkloadSummary summary_of(const WorkloadConfig& config) {
  auto summary = summarise_workload(config);
  if (!summary) ADD_FAILURE() << format(summary.error());
  return summary ? *summary : WorkloadSummary{};
}

// A server that answers each request after 1 s.
std::vector<Request> served(const WorkloadConfig& config) {
  auto source = make_request_source(config, 61);
  std::vector<Request> sent;
  if (!source) return sent;
  std::size_t done = 0;
  const Duration service{1'000'000'000};
  while (true) {
    const TimePoint next = (*source)->next_arrival();
    if (done < sent.size() && sent[done].arrival + service <= next) {
      (*source)->completed(sent[done], sent[done].arrival + service);
      ++done;
    } else if (next == kNever) {
      return sent;
    } else {
      sent.push_back((*source)->take());
    }
  }
}

void expect_right(const WorkloadConfig& config) {
  const WorkloadSummary said = summary_of(config);
  const auto requests = served(config);
  ASSERT_FALSE(requests.empty());
  std::vector<double> prompts, outputs;
  for (const Request& r : requests) {
    prompts.push_back(r.prompt_tokens);
    outputs.push_back(r.output_tokens);
    ASSERT_LE(r.prompt_tokens, said.max_prompt_tokens);
    ASSERT_LE(std::int64_t{r.prompt_tokens} + r.output_tokens, said.max_total_tokens);
  }
  const auto prompt = test::moments_of(prompts), output = test::moments_of(outputs);
  // Turns of one conversation are not independent: a factor 3 for up to 9 of them.
  const double sigmas = test::kSigmas * (config.sessions ? 3 : 1);
  EXPECT_NEAR(said.mean_prompt_tokens, prompt.mean, sigmas * prompt.standard_error + 1e-9);
  EXPECT_NEAR(said.mean_output_tokens, output.mean, sigmas * output.standard_error + 1e-9);
  if (said.requests) {
    EXPECT_EQ(*said.requests, static_cast<std::int64_t>(requests.size()));
  }
  if (said.offered_rate > 0) {
    const double rate = static_cast<double>(requests.size()) / to_seconds(requests.back().arrival);
    EXPECT_NEAR(said.offered_rate, rate, 0.05 * rate);
  }
}

WorkloadConfig base() {
  WorkloadConfig config;
  config.arrivals = RenewalArrivals{20};
  config.num_prompts = 20'000;
  config.lengths = {UniformLength{10, 500}, LognormalLength{4, 1, 1, 800}, {}};
  return config;
}

TEST(Summary, OfDrawnLengthsIsTheMeanOfWhatIsSent) {
  expect_right(base());
}

TEST(Summary, KnowsClassesAndTheirWeights) {
  WorkloadConfig config = base();
  config.classes = {{"a", 1, {FixedLength{10}, FixedLength{900}, {}}, {}, 0, {}},
                    {"b", 4, config.lengths, {}, 0, {}},
                    {"never", 0, {FixedLength{50'000}, FixedLength{50'000}, {}}, {}, 0, {}}};
  expect_right(config);
  EXPECT_EQ(summary_of(config).max_prompt_tokens, 500) << "a class of weight 0 sends nothing";
}

TEST(Summary, KnowsTheCutOfMaxTokens) {
  WorkloadConfig config = base();
  config.ignore_eos = false;
  config.max_tokens = 60;
  expect_right(config);
  EXPECT_EQ(summary_of(config).max_total_tokens, 560);
}

TEST(Summary, KnowsHowConversationsGrow) {
  WorkloadConfig config = base();
  config.sessions = SessionConfig{UniformLength{1, 5}, {}};
  const WorkloadSummary said = summary_of(config);
  // Per conversation: E[T] = 3, E[T^2] = 11; inputs (11 + 3)/2 = 7, answers (11 - 3)/2 = 4.
  const double answer = said.mean_output_tokens;
  EXPECT_NEAR(said.mean_prompt_tokens, (7 * 255.0 + 4 * answer) / 3, 1e-6);
  EXPECT_EQ(said.max_prompt_tokens, 500 + 4 * (500 + 800));
  EXPECT_NEAR(said.offered_rate, 60, 1e-9) << "20 conversations of 3 turns a second";
  expect_right(config);
}

TEST(Summary, OfAClosedLoopHasNoRate) {
  WorkloadConfig config = base();
  config.num_prompts = 2000;
  config.arrivals = AllAtOnceArrivals{};
  config.max_concurrency = 50;
  EXPECT_EQ(summary_of(config).offered_rate, 0);
  expect_right(config);
}

TEST(Summary, DoesNotKnowTheCountWhenTimeEndsTheRun) {
  WorkloadConfig config = base();
  config.duration = Duration{500'000'000'000};
  EXPECT_FALSE(summary_of(config).requests.has_value());
  expect_right(config);
}

TEST(Summary, OfRampsBurstsAndProfilesHasTheMeanRate) {
  for (const ArrivalConfig& arrivals :
       {ArrivalConfig{RampArrivals{true, 5, 80, 1}},
        ArrivalConfig{TwoStateArrivals{5, 50, Duration{400'000'000}, Duration{100'000'000}}},
        ArrivalConfig{ProfileArrivals{Duration{7'000'000'000}, {1, 40, 0, 9}}}}) {
    WorkloadConfig config = base();
    config.arrivals = arrivals;
    expect_right(config);
  }
}

}  // namespace
}  // namespace foretoken
