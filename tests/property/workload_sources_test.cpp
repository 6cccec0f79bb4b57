// Laws of every request source, whatever the workload and the server.
#include <gtest/gtest.h>

#include "property/random_workload.hpp"

namespace foretoken {
namespace {

using test::RandomWorkload;
using test::serve;
using test::Served;

constexpr std::uint64_t kWorkloads = 1500;

// A workload whose first request falls beyond its duration is refused, rightly.
std::unique_ptr<RequestSource> open(const WorkloadConfig& config, std::uint64_t seed) {
  auto source = make_request_source(config, seed);
  if (source) return std::move(*source);
  EXPECT_NE(format(source.error()).find("no request arrives before the end"), std::string::npos)
      << format(source.error());
  EXPECT_TRUE(config.duration.has_value());
  return nullptr;
}

template <class Check>
void for_many_workloads(Check check) {
  int opened = 0;
  for (std::uint64_t seed = 0; seed < kWorkloads; ++seed) {
    SCOPED_TRACE("workload " + std::to_string(seed));
    RandomWorkload random(seed);
    const WorkloadConfig config = random.make();
    ASSERT_TRUE(check_workload(config).empty()) << format(check_workload(config));
    const auto source = open(config, seed);
    if (!source) continue;
    ++opened;
    check(config, *source, seed);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(opened, static_cast<int>(kWorkloads) * 3 / 4);
}

// serve() checks the contract at every call; here for servers from instant to overloaded.
TEST(AnySource, KeepsItsContractWithAnyServer) {
  for_many_workloads([](const WorkloadConfig& config, RequestSource& source, std::uint64_t seed) {
    serve(source, seed, 0);
    for (const double mean_seconds : {0.01, 1.0, 100.0}) serve(*open(config, seed), seed, mean_seconds);
  });
}

TEST(AnySource, SendsWhatWasAskedForWithinItsLimits) {
  for_many_workloads([](const WorkloadConfig& config, RequestSource& source, std::uint64_t seed) {
    const WorkloadSummary said = summarise_workload(config).value();
    std::int64_t most = 0;
    const auto served = serve(source, seed, 0.3, [&](const Request& r, std::int64_t in_flight) {
      most = std::max(most, in_flight);
      EXPECT_GE(r.prompt_tokens, 1);
      EXPECT_GE(r.output_tokens, 1);
      EXPECT_GE(r.max_tokens, r.output_tokens);
      EXPECT_LE(r.prompt_tokens, said.max_prompt_tokens);
      EXPECT_LE(std::int64_t{r.prompt_tokens} + r.output_tokens, said.max_total_tokens);
      EXPECT_GE(r.class_index, 0);
      EXPECT_LT(r.class_index, std::max<std::int64_t>(1, static_cast<std::int64_t>(config.classes.size())));
      EXPECT_EQ(r.priority,
                config.classes.empty() ? 0 : config.classes[static_cast<std::size_t>(r.class_index)].priority);
      EXPECT_GE(r.client_wait, Duration{});
      if (!config.max_concurrency) {
        EXPECT_EQ(r.client_wait, Duration{});
      }
      if (config.duration) {
        EXPECT_LT(r.arrival, TimePoint{*config.duration});
      }
      if (!config.ignore_eos) {
        EXPECT_EQ(r.max_tokens, config.max_tokens);
      }
    });
    if (config.max_concurrency) {
      EXPECT_LE(most, *config.max_concurrency);
    }
    const auto count = static_cast<std::int64_t>(served.size());
    if (said.requests) {
      EXPECT_EQ(count, *said.requests);
    } else {
      EXPECT_LE(count, *config.num_prompts);
    }
  });
}

TEST(AnySource, GivesTheSameRequestsAgain) {
  for_many_workloads([](const WorkloadConfig& config, RequestSource& source, std::uint64_t seed) {
    const auto once = serve(source, seed, 0.3);
    const auto twin = open(config, seed);
    const auto again = serve(*twin, seed, 0.3);
    ASSERT_EQ(once.size(), again.size());
    for (std::size_t i = 0; i < once.size(); ++i) {
      ASSERT_EQ(once[i].request.arrival, again[i].request.arrival);
      ASSERT_EQ(once[i].request.client_wait, again[i].request.client_wait);
      ASSERT_EQ(once[i].request.prompt_tokens, again[i].request.prompt_tokens);
      ASSERT_EQ(once[i].request.output_tokens, again[i].request.output_tokens);
      ASSERT_EQ(once[i].request.class_index, again[i].request.class_index);
    }
  });
}

// Common random numbers: two servers get the same requests, if at other times.
TEST(AnySource, WhatIsAskedDoesNotDependOnTheServer) {
  for_many_workloads([](const WorkloadConfig& config, RequestSource& source, std::uint64_t seed) {
    if (config.sessions) return;  // turns interleave differently; see the tests of sessions
    const auto fast = serve(source, seed, 0.001);
    const auto other = open(config, seed);
    const auto slow = serve(*other, seed + 1, 3);
    for (std::size_t i = 0; i < std::min(fast.size(), slow.size()); ++i) {
      ASSERT_EQ(fast[i].request.prompt_tokens, slow[i].request.prompt_tokens);
      ASSERT_EQ(fast[i].request.output_tokens, slow[i].request.output_tokens);
      ASSERT_EQ(fast[i].request.class_index, slow[i].request.class_index);
      if (config.max_concurrency) continue;
      ASSERT_EQ(fast[i].request.arrival, slow[i].request.arrival);
    }
  });
}

TEST(AnySource, SeatsOnlyEverDelayASendByItsClientWait) {
  for_many_workloads([](const WorkloadConfig& config, RequestSource& source, std::uint64_t seed) {
    if (!config.max_concurrency || config.sessions || config.duration) return;
    WorkloadConfig without = config;
    without.max_concurrency.reset();
    const auto meant = serve(*open(without, seed), seed, 0.3);
    const auto sent = serve(source, seed, 0.3);
    ASSERT_EQ(meant.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      ASSERT_EQ(sent[i].request.arrival - sent[i].request.client_wait, meant[i].request.arrival);
    }
    WorkloadConfig plenty = config;
    plenty.max_concurrency = *config.num_prompts;
    for (const Served& s : serve(*open(plenty, seed), seed, 0.3)) ASSERT_EQ(s.request.client_wait, Duration{});
  });
}

TEST(AnySource, ShortensItsGapsInProportionWhenTheRateRises) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    WorkloadConfig slow;
    slow.arrivals = RenewalArrivals{2, seed % 2 == 0 ? 1 : 0.4, seed % 3 == 0};
    slow.num_prompts = 500;
    WorkloadConfig fast = slow;
    std::get<RenewalArrivals>(fast.arrivals).rate = 8;
    const auto a = serve(*open(slow, seed), seed, 0), b = serve(*open(fast, seed), seed, 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_NEAR(to_seconds(a[i].request.arrival), 4 * to_seconds(b[i].request.arrival), 3e-9);
    }
  }
}

TEST(AnySource, LosesNothingWhenConversationsEnd) {
  // With seats and conversations, every seat comes back: the run reaches its count.
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomWorkload random(seed);
    WorkloadConfig config = random.make();
    config.duration.reset();
    config.num_prompts = 200;
    config.max_concurrency = random.pick(1, 5);
    config.sessions = SessionConfig{UniformLength{1, 7}, {}};
    ASSERT_EQ(serve(*open(config, seed), seed, 0.2).size(), 200u) << "workload " << seed;
  }
}

}  // namespace
}  // namespace foretoken
