// Twelve small domains, judged candidate by candidate from the cheapest on: nothing cheaper than what is recommended
// surely meets, and what is recommended does not surely miss.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>

#include "foretoken/study/check.hpp"
#include "foretoken/study/recommend.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kCandidates = 576;
constexpr int kDomains = 12;
// More than a candidate of a search gets: what it leaves open is a tie.
constexpr std::int64_t kLargeBudget = 10'000'000;

double uniform(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * (static_cast<double>(random() >> 11) * 0x1.0p-53);
}

// Step times in closed form; the number of seats decides between throughput and latency.
std::string affine_domain(std::mt19937_64& random) {
  const double step = uniform(random, 5, 20), token = uniform(random, 0.3, 2), prefill = uniform(random, 0, 0.05);
  const double at = step + token * uniform(random, 4, 24);  // ms a token that is wanted
  const double rate = uniform(random, 1.2, 5) * 1e3 * 8 / (50 * (step + 8 * token));
  return fmt::format(R"(
engine: {{name: vllm-v1, num_gpu_blocks_override: 100000}}
cost: {{level: affine, affine: {{per_step: {:.3f} ms, per_decode_token: {:.3f} ms, per_prefill_token: {:.4f} ms}}}}
workload: {{random_input_len: 100, random_output_len: 50, random_range_ratio: 0.5, num_prompts: 1000, request_rate: {:.3f}}}
slo: [p95_tpot <= {:.3f} ms, p99_ttft <= {:.3f} s]
recommend:
  over:
    replicas: [1..8]
    engine.tensor_parallel_size: [1, 2, 4]
    engine.max_num_seqs: [2, 4, 8, 16, 32, 64]
    engine.max_num_batched_tokens: [256, 512, 2048, 8192]
)",
                     step, token, prefill, rate, at, uniform(random, 0.3, 3));
}

// An 8B model on GPUs at prices of its own.
std::string hardware_domain(std::mt19937_64& random) {
  return fmt::format(R"(
model: Llama-3.1-8B
hardware: {{gpu: h100_sxm}}
prices: {{gpu_hour: {{h100_sxm: {:.2f}, l40s: {:.2f}, a100_sxm: {:.2f}}}}}
workload: {{random_input_len: {}, random_output_len: 64, random_range_ratio: 0.5, num_prompts: 1000, request_rate: {:.3f}}}
slo: [p95_tpot <= {:.3f} ms, p99_ttft <= {:.3f} s]
recommend:
  over:
    hardware.gpu: [h100_sxm, l40s, a100_sxm]
    engine.tensor_parallel_size: [1, 2, 4]
    replicas: [1..8]
    engine.max_num_seqs: [16, 64, 128, 256]
    engine.max_num_batched_tokens: [1024, 4096]
)",
                     uniform(random, 2, 4), uniform(random, 0.5, 1.5), uniform(random, 1, 2),
                     static_cast<int>(uniform(random, 200, 1000)), uniform(random, 10, 60), uniform(random, 15, 45),
                     uniform(random, 0.2, 1.5));
}

// Of a candidate by itself. Bounds are proofs of their own (tests/unit/study/check_test.cpp).
Decision judged(const Scenario& s) {
  const Result<std::vector<Bound>> bounds = objective_bounds(s);
  EXPECT_TRUE(bounds);
  if (!bounds) return Decision::not_decided;
  if (std::any_of(bounds->begin(), bounds->end(), [](const Bound& b) { return b.impossible; })) return Decision::misses;
  Scenario long_study = s;
  long_study.study.max_requests = kLargeBudget;
  RunOptions options;
  options.threads = 2;
  VerdictHints hints;
  hints.decision_only = true;
  const Result<Verdict> v = reach_verdict(long_study, options, {}, hints);
  EXPECT_TRUE(v);
  return v ? v->overall : Decision::not_decided;
}

struct BruteForce {
  bool agrees = true;
  std::size_t judged = 0;
  std::size_t ties = 0;
};

BruteForce compare_with_brute_force(const RecommendQuestion& question, const RecommendResult& r) {
  BruteForce c;
  const double recommended = r.ranked.empty() ? INFINITY : r.ranked.front().cost.rank(r.by_money);
  for (std::size_t i = 0; i < r.effort.candidates; ++i) {
    const Result<Scenario> s = candidate_scenario(question, r.domain, i);
    if (!s) continue;
    if (s->deployment.level != CostLevel::affine && !plan_memory(s->deployment, s->memory).fits) continue;
    const double cost = r.by_money ? price_per_hour(*s)->usd : s->num_gpus;
    const bool is_winner = !r.ranked.empty() && i == r.ranked.front().index;
    if (cost >= recommended - 1e-9 && !is_winner) continue;
    const Decision decision = judged(*s);
    ++c.judged;
    if (decision == Decision::not_decided) ++c.ties;
    const bool contradicts = decision == (is_winner ? Decision::misses : Decision::meets);
    EXPECT_FALSE(contradicts) << "candidate " << i << " at " << cost << " was " << to_string(r.fate_of[i])
                              << "; recommended: " << recommended << "\n"
                              << question.asked.text;
    c.agrees = c.agrees && !contradicts;
  }
  return c;
}

TEST(RecommendByBruteForce, NothingCheaperMeetsInTwelveDomains) {
  const char* first = std::getenv("FORETOKEN_FIRST_DOMAIN");  // an interrupted run goes on
  std::mt19937_64 random(20261129);
  int agree = 0, looked_at = 0;
  for (int domain = 0; domain < kDomains; ++domain) {
    RecommendQuestion question{{domain % 2 == 0 ? affine_domain(random) : hardware_domain(random), "s.yaml"}, {}};
    if (first != nullptr && domain < std::atoi(first)) continue;
    ++looked_at;
    const Result<Scenario> base = question.asked.scenario();
    ASSERT_TRUE(base) << format(base.error());
    question.base = *base;
    RecommendOptions options;
    options.run.threads = 2;
    options.top = 1;
    const std::clock_t begin = std::clock();
    const Result<RecommendResult> r = recommend(question, options);
    ASSERT_TRUE(r) << format(r.error());
    ASSERT_EQ(r->effort.candidates, kCandidates);
    const std::clock_t found = std::clock();
    const BruteForce c = compare_with_brute_force(question, *r);
    agree += c.agrees ? 1 : 0;
    const auto seconds = [](std::clock_t from, std::clock_t to) {
      return static_cast<double>(to - from) / CLOCKS_PER_SEC;
    };
    std::cout << "domain " << domain << ": " << (c.agrees ? "agrees" : "DIFFERS") << ", recommended "
              << (r->ranked.empty() ? "none" : fmt::format("{:.2f}", r->ranked.front().cost.rank(r->by_money))) << " ("
              << (r->by_money ? "$/h" : "GPUs") << "), " << c.judged << " judged, " << c.ties << " ties; CPU "
              << fmt::format("{:.1f} s to recommend, {:.1f} s by brute force", seconds(begin, found),
                             seconds(found, std::clock()))
              << std::endl;
  }
  std::cout << agree << " of " << looked_at << " domains agree\n";
  EXPECT_GT(looked_at, 0);
  EXPECT_EQ(agree, looked_at);
}

}  // namespace
}  // namespace foretoken
