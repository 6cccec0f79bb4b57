// The cheapest deployment is found, and nothing that was set aside would have been cheaper.
#include "foretoken/study/recommend.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>

#include "foretoken/report/recommend_report.hpp"
#include "foretoken/study/check.hpp"

namespace foretoken {
namespace {

// A step of n sequences takes 10 + n ms, a request 50 of them: a replica of n seats serves n / (50 (10 + n) ms), and
// its users see 0.98 (10 + n) ms a token when it is full. 20 requests/s and 15 ms a token at the 95th percentile:
//   n = 4: 5.7 requests/s and 13.7 ms, so 4 replicas (22.9 > 20) and not 3 (17.1)
//   n <= 2: 3.3 requests/s at most, 7 replicas
//   n >= 8: 3 replicas would do for the rate (26.7), but 17.6 ms
// Tensor and pipeline parallelism cost GPUs and change no affine step: the cheapest has 4 GPUs.
const char* const kPlanted = R"(
engine: {name: vllm-v1, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_decode_token: 1 ms}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 2000, request_rate: 20}
slo: [p95_tpot <= 15 ms, p99_ttft <= 3 s]
)";
const std::vector<std::string> kTenThousand{
    "replicas=1..10", "engine.tensor_parallel_size=1,2,4,8", "engine.pipeline_parallel_size=1,2,4",
    "engine.max_num_seqs=1,2,4..128",
    "engine.max_num_batched_tokens=512,1024,1536,2048,3072,4096,5120,6144,7168,8192,10240"};

RecommendQuestion question_of(const std::string& text, const std::vector<std::string>& over,
                              const std::vector<std::string>& set = {}) {
  RecommendQuestion question{{text, "s.yaml"}, {}, {}};
  question.load.overrides = set;
  question.load.recommend_over = over;
  const Result<Scenario> base = parse_scenario(text, "s.yaml", question.load);
  EXPECT_TRUE(base) << (base ? "" : format(base.error()));
  if (base) question.base = *base;
  return question;
}

RecommendResult answer(const RecommendQuestion& question, int threads = 2, std::size_t top = 5) {
  RecommendOptions options;
  options.run.threads = threads;
  options.top = top;
  Result<RecommendResult> result = recommend(question, options);
  EXPECT_TRUE(result) << (result ? "" : format(result.error()));
  return result ? *result : RecommendResult{};
}

Decision verdict_at(const RecommendQuestion& question, const RecommendResult& r, std::size_t index) {
  const Result<Scenario> s = candidate_scenario(question, r.domain, index);
  EXPECT_TRUE(s) << (s ? "" : format(s.error()));
  if (!s) return Decision::not_decided;
  RunOptions options;
  options.threads = 2;
  const Result<Verdict> v = reach_verdict(*s, options);
  EXPECT_TRUE(v);
  return v ? v->overall : Decision::not_decided;
}

bool is_dismissed(Fate fate) {
  return fate == Fate::impossible || fate == Fate::far_off || fate == Fate::misses;
}

TEST(Recommend, findsThePlantedCheapestOfTenThousandWithAFractionOfTheRequests) {
  const RecommendQuestion question = question_of(kPlanted, kTenThousand);
  const RecommendResult r = answer(question);
  ASSERT_FALSE(r.ranked.empty()) << to_text(r);
  EXPECT_GE(r.effort.candidates, 10'000U);
  EXPECT_EQ(r.effort.runnable, r.effort.candidates);
  EXPECT_EQ(r.ranked.front().cost.gpus, 4);
  EXPECT_EQ(r.ranked.front().fate, Fate::meets);
  EXPECT_TRUE(r.undecided.empty()) << "everything cheaper must be dismissed for a certain answer";
  std::cout << r.effort.candidates << " candidates, " << r.effort.requests << " requests simulated, "
            << r.effort.exhaustive_requests() / static_cast<double>(r.effort.requests) << " times fewer than "
            << r.effort.exhaustive_requests() << " for a verdict on each\n";
  EXPECT_GE(r.effort.exhaustive_requests(), 20 * static_cast<double>(r.effort.requests));
  // A sample of what was set aside: nothing of it both meets and is cheaper.
  std::mt19937 draw(1);  // NOLINT: the same sample every time
  std::vector<std::size_t> aside;
  for (std::size_t i = 0; i < r.fate_of.size(); ++i) {
    if (is_dismissed(r.fate_of[i])) aside.push_back(i);
  }
  ASSERT_GT(aside.size(), 100U);
  for (int i = 0; i < 25; ++i) {
    const std::size_t index = aside[draw() % aside.size()];
    EXPECT_NE(verdict_at(question, r, index), Decision::meets)
        << "candidate " << index << " was " << to_string(r.fate_of[index]);
  }
}

void expect_the_exhaustive_answer(const RecommendQuestion& question) {
  const RecommendResult r = answer(question, 2, 1);
  double cheapest = INFINITY;
  for (std::size_t i = 0; i < r.effort.candidates; ++i) {
    if (r.fate_of[i] == Fate::invalid || r.fate_of[i] == Fate::does_not_fit) continue;
    const Decision decision = verdict_at(question, r, i);
    if (is_dismissed(r.fate_of[i])) {
      EXPECT_NE(decision, Decision::meets) << "candidate " << i;
    }
    if (r.fate_of[i] == Fate::meets) {
      EXPECT_EQ(decision, Decision::meets) << "candidate " << i;
    }
    if (decision != Decision::meets) continue;
    const Scenario s = *candidate_scenario(question, r.domain, i);
    cheapest = std::min(cheapest, r.by_money ? price_per_hour(s, true)->usd : s.num_gpus);
  }
  ASSERT_LT(cheapest, INFINITY);
  ASSERT_FALSE(r.ranked.empty()) << to_text(r);
  EXPECT_EQ(r.ranked.front().cost.rank(r.by_money), cheapest) << to_text(r);
}

TEST(Recommend, agreesWithJudgingEveryCandidate) {
  expect_the_exhaustive_answer(
      question_of(kPlanted, {"replicas=2..6", "engine.max_num_seqs=2,4,8", "engine.tensor_parallel_size=1,2"},
                  {"workload.num_prompts=1000"}));
}

TEST(Recommend, agreesWithJudgingEveryCandidateOnRealHardware) {
  expect_the_exhaustive_answer(
      question_of(R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 1024, random_output_len: 64, num_prompts: 600, request_rate: 12}
slo: [p99_ttft <= 600 ms, p95_tpot <= 30 ms]
)",
                  {"hardware.gpu=h100_sxm,l40s,l4", "engine.tensor_parallel_size=1,2,3", "replicas=1..3"}));
}

TEST(Recommend, givesTheSameBytesOnAnyNumberOfThreads) {
  const RecommendQuestion question =
      question_of(kPlanted, {"replicas=2..5", "engine.max_num_seqs=2,4,8..128", "engine.tensor_parallel_size=1,2"});
  EXPECT_EQ(to_text(to_json(answer(question, 1))), to_text(to_json(answer(question, 4))));
}

TEST(Recommend, callsRunsTheSameOnlyWhenTheyAre) {
  const RecommendQuestion question = question_of(
      kPlanted, {"replicas=6..7", "engine.max_num_seqs=64,128,256,512", "engine.tensor_parallel_size=1"},
      {"engine.max_num_batched_tokens=2048", "engine.max_cudagraph_capture_size=64", "slo=[p99_ttft <= 3 s]"});
  const RecommendResult r = answer(question);
  ASSERT_FALSE(r.ranked.empty());
  ASSERT_FALSE(r.ranked.front().same.empty()) << "64 seats are more than ever run: " << to_text(r);
  const auto run = [&](std::size_t index) { return *run_scenario(*candidate_scenario(question, r.domain, index)); };
  const RunResult first = run(r.ranked.front().index);
  for (const std::size_t other : r.ranked.front().same)
    EXPECT_EQ(run(other).summary, first.summary) << "candidate " << other;
}

TEST(Recommend, saysWhatComesClosestWhenNothingMeets) {
  const RecommendQuestion question =
      question_of(kPlanted, {"replicas=1..3", "engine.max_num_seqs=2,4"}, {"workload.num_prompts=1000"});
  const RecommendResult r = answer(question);
  EXPECT_EQ(r.overall, Decision::misses);
  ASSERT_TRUE(r.closest);
  EXPECT_FALSE(r.closest->why.empty());
  const RecommendResult impossible = answer(question_of(kPlanted, {"replicas=1..3"}, {"slo=[p95_tpot <= 5 ms]"}));
  EXPECT_EQ(impossible.overall, Decision::misses);
  EXPECT_EQ(impossible.effort.requests, 0) << "no step is shorter than 10 ms: nothing to simulate";
  ASSERT_TRUE(impossible.closest);
}

TEST(Recommend, countsWhatCannotRunWithItsReason) {
  const RecommendResult r = answer(question_of(R"(
model: Llama-3.1-70B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 256, random_output_len: 32, num_prompts: 200, request_rate: 1}
slo: [p99_ttft <= 2 s]
)",
                                               {"engine.tensor_parallel_size=1,3,4", "hardware.gpu=h100_sxm,l4"}));
  const auto count = [&](Fate fate) { return std::count(r.fate_of.begin(), r.fate_of.end(), fate); };
  EXPECT_EQ(count(Fate::invalid), 2) << "64 heads on 3 GPUs";
  EXPECT_EQ(count(Fate::does_not_fit), 3) << "140 GB on 80, and on four times 24";
  ASSERT_FALSE(r.ranked.empty());
  EXPECT_EQ(r.ranked.front().cost.gpus, 4);
  std::size_t counted = 0;
  for (const FateCount& c : r.fates) counted += c.count;
  EXPECT_EQ(counted, r.effort.candidates) << "every candidate has a fate";
}

TEST(Recommend, stopsAndKeepsWhatIsKnown) {
  const RecommendQuestion question = question_of(kPlanted, {"replicas=4..6", "engine.max_num_seqs=4,8"});
  std::atomic<bool> stop{true};
  RecommendOptions options;
  options.run.stop = &stop;
  const Result<RecommendResult> r = recommend(question, options);
  ASSERT_TRUE(r);
  EXPECT_TRUE(r->interrupted);
  EXPECT_EQ(r->overall, Decision::not_decided);
}

TEST(Recommend, letsTheNumberOfGpusFollowTheSizes) {
  const RecommendQuestion question = question_of(kPlanted, {"replicas=3..5"}, {"hardware.num_gpus=1"});
  const Result<Scenario> s = candidate_scenario(question, question.base.recommend, 2);
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_EQ(s->num_gpus, 5);
}

}  // namespace
}  // namespace foretoken
