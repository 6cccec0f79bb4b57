// The cheapest deployment is found, and nothing that was set aside would have been cheaper.
#include "foretoken/study/recommend.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <random>

#include "foretoken/report/report.hpp"
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

// `over` is the whole domain; `named` are axes of --over, which change the usual one.
RecommendQuestion question_of(const std::string& text, const std::vector<std::string>& over,
                              const std::vector<std::string>& set = {}, const std::vector<std::string>& named = {}) {
  RecommendQuestion question{{text, "s.yaml"}, {}};
  question.asked.options.overrides = set;
  std::string domain;
  for (const std::string& axis : over) {
    const auto equals = axis.find('=');
    domain += (domain.empty() ? "" : ", ") + axis.substr(0, equals) + ": [" + axis.substr(equals + 1) + "]";
  }
  if (!over.empty()) question.asked.options.overrides.push_back("recommend.over={" + domain + "}");
  question.asked.options.recommend_over = named;
  const Result<Scenario> base = question.asked.scenario();
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

TEST(Recommend, FindsThePlantedCheapestOfTenThousandWithAFractionOfTheRequests) {
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
  std::map<std::string, double> cheapest_of;
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
    const double cost = r.by_money ? price_per_hour(s, true)->usd : s.num_gpus;
    cheapest = std::min(cheapest, cost);
    const auto kind = cheapest_of.try_emplace(s.deployment.gpu.id, cost).first;
    kind->second = std::min(kind->second, cost);
  }
  for (const BestOfKind& kind : r.kinds) {
    const auto known = cheapest_of.find(kind.gpu);
    ASSERT_EQ(kind.best.has_value(), known != cheapest_of.end()) << kind.gpu << ": " << kind.why;
    if (kind.best) {
      EXPECT_EQ(kind.best->cost.rank(r.by_money), known->second) << kind.gpu;
    } else {
      EXPECT_FALSE(kind.why.empty()) << kind.gpu;
    }
  }
  ASSERT_LT(cheapest, INFINITY);
  ASSERT_FALSE(r.ranked.empty()) << to_text(r);
  EXPECT_EQ(r.ranked.front().cost.rank(r.by_money), cheapest) << to_text(r);
}

TEST(Recommend, AgreesWithJudgingEveryCandidate) {
  expect_the_exhaustive_answer(
      question_of(kPlanted, {"replicas=2..6", "engine.max_num_seqs=2,4,8", "engine.tensor_parallel_size=1,2"},
                  {"workload.num_prompts=1000"}));
}

TEST(Recommend, AgreesWithJudgingEveryCandidateOnRealHardware) {
  expect_the_exhaustive_answer(
      question_of(R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 1024, random_output_len: 64, num_prompts: 600, request_rate: 12}
slo: [p99_ttft <= 600 ms, p95_tpot <= 30 ms]
)",
                  {"hardware.gpu=h100_sxm,l40s,l4", "engine.tensor_parallel_size=1,2,3", "replicas=1..3"}));
}

TEST(Recommend, GivesTheSameBytesOnAnyNumberOfThreads) {
  const RecommendQuestion question =
      question_of(kPlanted, {"replicas=2..5", "engine.max_num_seqs=2,4,8..128", "engine.tensor_parallel_size=1,2"});
  EXPECT_EQ(to_text(to_json(answer(question, 1))), to_text(to_json(answer(question, 4))));
}

TEST(Recommend, CallsRunsTheSameOnlyWhenTheyAre) {
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

TEST(Recommend, SaysWhatComesClosestWhenNothingMeets) {
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

TEST(Recommend, CountsWhatCannotRunWithItsReason) {
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

TEST(Recommend, StopsAndKeepsWhatIsKnown) {
  const RecommendQuestion question = question_of(kPlanted, {"replicas=4..6", "engine.max_num_seqs=4,8"});
  std::atomic<bool> stop{true};
  RecommendOptions options;
  options.run.stop = &stop;
  const Result<RecommendResult> r = recommend(question, options);
  ASSERT_TRUE(r);
  EXPECT_TRUE(r->interrupted);
  EXPECT_EQ(r->overall, Decision::not_decided);
}

TEST(Recommend, LetsTheNumberOfGpusFollowTheSizes) {
  const RecommendQuestion question = question_of(kPlanted, {"replicas=3..5"}, {"hardware.num_gpus=1"});
  const Result<Scenario> s = candidate_scenario(question, question.base.recommend, 2);
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_EQ(s->num_gpus, 5);
}

std::vector<std::string> paths_of(const std::vector<SweepAxis>& domain) {
  std::vector<std::string> paths;
  for (const SweepAxis& axis : domain) paths.push_back(axis.path);
  return paths;
}

const char* const kChat = R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 512, random_output_len: 64, num_prompts: 1000, request_rate: 4}
slo: [p99_ttft <= 2 s, p95_tpot <= 120 ms]
)";

TEST(Recommend, AnAxisThatIsNamedReplacesThatAxisOfTheUsualDomainOnly) {
  const std::vector<SweepAxis> usual = recommend_domain(question_of(kChat, {}));
  const RecommendQuestion named = question_of(kChat, {}, {}, {"hardware.gpu=h100_sxm,l40s", "engine.block_size=16,32"});
  const std::vector<SweepAxis> domain = recommend_domain(named);
  std::vector<std::string> expected = paths_of(usual);
  expected.emplace_back("engine.block_size");
  EXPECT_EQ(paths_of(domain), expected);
  EXPECT_EQ(domain.front().path, "hardware.gpu");
  EXPECT_EQ(domain.front().values, (std::vector<std::string>{"h100_sxm", "l40s"}));
  for (std::size_t i = 1; i < usual.size(); ++i) EXPECT_EQ(domain[i].values, usual[i].values) << usual[i].path;
  EXPECT_TRUE(replicas_may_widen(named));
  EXPECT_FALSE(replicas_may_widen(question_of(kChat, {}, {}, {"replicas=1..4"})));
  // A domain that the scenario declares is whole, and --over adds to it.
  const RecommendQuestion declared = question_of(kChat, {"replicas=1..4"}, {}, {"hardware.gpu=l4,l40s"});
  EXPECT_EQ(paths_of(recommend_domain(declared)), (std::vector<std::string>{"replicas", "hardware.gpu"}));
  // Replicas follow from a number of GPUs.
  const std::vector<SweepAxis> gpus = recommend_domain(question_of(kChat, {}, {}, {"hardware.num_gpus=8,16"}));
  EXPECT_EQ(std::count_if(gpus.begin(), gpus.end(), [](const SweepAxis& a) { return a.path == "replicas"; }), 0);
}

TEST(Recommend, RefusesANamedAxisThatMakesTooManyCandidatesWithTheUsualOnes) {
  const RecommendQuestion question = question_of(kChat, {}, {}, {"engine.block_size=1..4000"});
  const Result<RecommendResult> r = recommend(question);
  ASSERT_FALSE(r);
  EXPECT_NE(format(r.error()).find("more than 100000 candidates"), std::string::npos) << format(r.error());
}

TEST(Recommend, WidensTheUsualReplicasUntilSomethingMeets) {
  // 60 requests/s at 5.7 for a replica of 4 seats: eleven at least.
  const RecommendQuestion question = question_of(
      kPlanted, {}, {"workload.request_rate=60", "engine.max_num_seqs=4", "engine.max_num_batched_tokens=2048"});
  const RecommendResult r = answer(question, 2, 1);
  ASSERT_FALSE(r.ranked.empty()) << to_text(r);
  EXPECT_GE(r.ranked.front().cost.gpus, 11);
  EXPECT_LE(r.ranked.front().cost.gpus, 12);
  EXPECT_EQ(r.domain.front().values.size(), 16U);
  const std::size_t winner = r.ranked.front().index;
  EXPECT_EQ(r.fate_of[winner], Fate::meets) << "candidates keep their places";
  EXPECT_EQ(verdict_at(question, r, winner), Decision::meets);
}

TEST(Recommend, DoesNotWidenWhereABoundSaysNever) {
  const RecommendResult r = answer(question_of(kPlanted, {}, {"slo=[p95_tpot <= 5 ms]"}));
  EXPECT_EQ(r.overall, Decision::misses);
  EXPECT_EQ(r.domain.front().values.size(), 8U);
  EXPECT_NE(r.widening.find("no number of them helps"), std::string::npos) << r.widening;
}

const std::vector<std::string> kOneSplit{"engine.tensor_parallel_size=1", "engine.pipeline_parallel_size=1",
                                         "engine.max_num_seqs=256", "engine.max_num_batched_tokens=2048"};
std::vector<std::string> with_axis(std::vector<std::string> axes, std::string axis) {
  axes.push_back(std::move(axis));
  return axes;
}

TEST(Recommend, GoesOnToMoreReplicasOfAGpuThatIsCheaperThanTheFirstThatMeets) {
  const RecommendQuestion question =
      question_of(kChat, {}, {"prices.gpu_hour={h100_sxm: 90, l4: 0.5}", "workload.request_rate=40"},
                  with_axis(kOneSplit, "hardware.gpu=h100_sxm,l4"));
  const RecommendResult r = answer(question, 2, 1);
  ASSERT_FALSE(r.ranked.empty()) << to_text(r);
  EXPECT_EQ(r.ranked.front().gpu, "l4");
  EXPECT_GT(r.ranked.front().replicas, 8) << to_text(r);
}

TEST(Recommend, LetsOnlyGpusCompeteThatTheScenarioPrices) {
  const RecommendQuestion question =
      question_of(kChat, {}, {"prices.gpu_hour={h100_sxm: 3}"}, with_axis(kOneSplit, "hardware.gpu=h100_sxm,l40s"));
  const RecommendResult r = answer(question, 2, 3);
  ASSERT_FALSE(r.ranked.empty()) << to_text(r);
  EXPECT_TRUE(r.by_money);
  EXPECT_FALSE(r.example_prices);
  for (const Candidate& c : r.ranked) EXPECT_EQ(c.gpu, "h100_sxm");
  ASSERT_EQ(r.kinds.size(), 2U);
  EXPECT_EQ(r.kinds.back().gpu, "l40s");
  EXPECT_FALSE(r.kinds.back().competes);
  ASSERT_TRUE(r.kinds.back().best) << r.kinds.back().why;
  ASSERT_TRUE(r.kinds.back().break_even_usd_per_gpu);
  EXPECT_DOUBLE_EQ(*r.kinds.back().break_even_usd_per_gpu,
                   *r.ranked.front().cost.usd_per_hour / r.kinds.back().best->cost.gpus);
  EXPECT_GT(std::count(r.fate_of.begin(), r.fate_of.end(), Fate::unpriced), 0);
  const RecommendResult examples =
      answer(question_of(kChat, {}, {}, with_axis(kOneSplit, "hardware.gpu=h100_sxm,l40s")), 2, 1);
  for (const BestOfKind& kind : examples.kinds) EXPECT_TRUE(kind.competes) << "nobody priced anything";
}

TEST(Recommend, HasTheCostOfOutputTokensThatRunsHave) {
  const RecommendQuestion question =
      question_of(kChat, {"replicas=1..2"},
                  {"prices.gpu_hour={h100_sxm: 3}", "workload.random_input_len=2048", "workload.random_output_len=16"});
  const RecommendResult r = answer(question, 2, 1);
  ASSERT_TRUE(r.winner) << to_text(r);
  const Candidate& c = r.ranked.front();
  RunOptions options;
  const Result<Verdict> v =
      reach_verdict(*r.winner, options, {"cost_per_1m_output_tokens", "full_cost_per_1m_output_tokens"});
  ASSERT_TRUE(v);
  EXPECT_NEAR(c.figures.gpu_hours_per_1m_output_tokens * 3, v->also[0].value, 1e-9 * v->also[0].value);
  EXPECT_NEAR(c.figures.full_gpu_hours_per_1m_output_tokens * 3, v->also[1].value, 1e-9 * v->also[1].value);
  const double whole = *c.cost.usd_per_hour / (c.figures.output_throughput * 3600) * 1e6;
  EXPECT_NEAR(v->also[1].value, whole, 0.01 * whole) << "all of the price over the output";
  EXPECT_LT(v->also[0].value, 0.95 * whole) << "prefill has a share of the time";
}

}  // namespace
}  // namespace foretoken
