// Planted causes are found by attribution: the part is the largest and the sentence names the knob.
#include "study/requests/slow_requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <numeric>

#include "report/request_report.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

// A step takes 10 ms and 0.05 ms a prompt token: 100 + 50 tokens alone take 15 ms to the first and 505 ms in all.
const char* const kMixed = R"(
engine: {name: vllm-v1, max_num_seqs: 256, num_gpu_blocks_override: 20000, max_num_batched_tokens: 2048}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 50 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 500, request_rate: 5}
goodput: {ttft: 100}
)";

Result<RequestExplanation> explained(const std::string& which, RequestMetric metric, std::vector<std::string> set = {},
                                     const std::string& text = kMixed, const RunOptions& options = {}) {
  const Question question{text, "s.yaml", {std::move(set)}};
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  const Result<RequestSelector> selector = parse_request_selector(which);
  if (!selector) return selector.error();
  return explain_requests(question, *scenario, *selector, metric, options);
}

RequestExplanation found(const std::string& which, RequestMetric metric, std::vector<std::string> set,
                         const std::string& text = kMixed) {
  const auto e = explained(which, metric, std::move(set), text);
  EXPECT_TRUE(e) << format(e.error());
  if (!e) return {};
  std::cout << e->sentence << " -> " << e->advice << "\n";
  EXPECT_EQ(std::accumulate(e->selected.parts.begin(), e->selected.parts.end(), std::int64_t{0}), e->selected.total);
  std::int64_t causes = 0;
  for (const CauseShare& c : causes_of(e->selected)) {
    causes += c.ns;
    EXPECT_GE(c.ns, 0) << to_string(c.cause);
  }
  EXPECT_EQ(causes, e->selected.total) << "INV-12";
  return *e;
}

TEST(PlantedCause, FewSeatsAreFoundAsSeats) {
  // 3 seats serve at most 3 / 0.51 s = 5.9 requests/s: full most of the time, and no overload.
  const RequestExplanation e = found("p99", RequestMetric::ttft, {"engine.max_num_seqs=3"});
  EXPECT_EQ(e.cause, Cause::seats);
  EXPECT_EQ(e.knob, "engine.max_num_seqs");
  EXPECT_THAT(e.sentence, HasSubstr("max_num_seqs 3 was full"));
  EXPECT_GT(e.seats_full, 0.5);
  EXPECT_FALSE(e.overloaded);
}

TEST(PlantedCause, SoFewSeatsThatTheQueueGrowsAreStillTheSeats) {
  const RequestExplanation e = found("p99", RequestMetric::ttft, {"engine.max_num_seqs=1"});
  EXPECT_EQ(e.cause, Cause::overload);
  EXPECT_TRUE(e.overloaded);
  EXPECT_EQ(e.knob, "engine.max_num_seqs") << "twice the seats serve twice as much";
  EXPECT_NEAR(e.more_with_seats, 2, 0.2);
}

TEST(PlantedCause, ALoadThatNoSeatHelpsIsFoundAsOverload) {
  // Prompts alone take 100 x 1 ms = 0.1 s: 10 requests/s at most, whatever the seats.
  const RequestExplanation e =
      found("p99", RequestMetric::ttft, {"cost.affine.per_prefill_token=1 ms", "workload.request_rate=30"});
  EXPECT_EQ(e.cause, Cause::overload);
  EXPECT_EQ(e.knob, "replicas");
  EXPECT_THAT(e.sentence, HasSubstr("more arrives than this deployment serves"));
}

TEST(PlantedCause, ATinyKvCacheIsFoundAsBlocks) {
  // 39 usable blocks of 16 tokens hold four requests of 150 tokens, 5 x 0.51 = 2.6 are there on average.
  const RequestExplanation e =
      found("p99", RequestMetric::ttft, {"engine.num_gpu_blocks_override=30", "engine.max_model_len=400"});
  EXPECT_EQ(e.cause, Cause::kv_blocks);
  EXPECT_EQ(e.knob, "engine.num_gpu_blocks_override");
  EXPECT_GT(e.kv_peak, 0.8);
}

TEST(PlantedCause, AHugePrefillNeighbourIsFoundAsInterference) {
  // Prompts of 8,000 tokens make steps of 2,048 x 0.05 + 10 = 112 ms for everyone who decodes.
  const RequestExplanation e = found("p95..p99", RequestMetric::tpot,
                                     {"workload.random_input_len=null", "workload.random_output_len=null",
                                      "engine.max_model_len=10000", "engine.num_gpu_blocks_override=100000",
                                      "workload.classes=[{name: chat, weight: 4, random_input_len: 50, "
                                      "random_output_len: 20}, {name: documents, weight: 1, "
                                      "random_input_len: 8000, random_output_len: 20}]",
                                      "workload.request_rate=4"});
  EXPECT_EQ(e.cause, Cause::interference);
  EXPECT_EQ(e.knob, "engine.max_num_batched_tokens");
  EXPECT_THAT(e.sentence, HasSubstr("other requests' prefill"));
}

TEST(PlantedCause, ASlowHostIsFoundAsEngineOverhead) {
  const std::string gpu =
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {random_input_len: 200, random_output_len: 50, "
      "num_prompts: 200, request_rate: 2}\n";
  const RequestExplanation e = found("p99", RequestMetric::e2el, {"cost.per_step=30 ms"}, gpu);
  EXPECT_EQ(e.cause, Cause::overhead);
  EXPECT_EQ(e.knob, "cost.per_step");
  const RequestExplanation usual = found("p99", RequestMetric::e2el, {}, gpu);
  EXPECT_EQ(usual.cause, Cause::decode);
  EXPECT_THAT(usual.sentence, HasSubstr("memory bandwidth"));
  const RequestExplanation prompt = found("p50", RequestMetric::ttft, {"workload.random_input_len=4000"}, gpu);
  EXPECT_EQ(prompt.cause, Cause::prefill);
}

TEST(KnobAdvice, AKnobThatChangesNothingIsNotNamed) {
  // Prompts of 100 tokens never fill 2,048: a larger budget gives the same bytes, and a smaller one helps nobody.
  const RequestExplanation e = found("p99", RequestMetric::ttft, {});
  EXPECT_EQ(e.cause, Cause::step);
  EXPECT_NE(e.knob, "engine.max_num_batched_tokens");
  const auto larger = std::find_if(e.tried.begin(), e.tried.end(), [](const KnobTrial& t) {
    return t.set.front() == "engine.max_num_batched_tokens=4096";
  });
  ASSERT_NE(larger, e.tried.end());
  EXPECT_EQ(larger->gain, 0);
  EXPECT_FALSE(larger->helps);
  EXPECT_THAT(e.advice, HasSubstr("no setting helps"));
}

TEST(KnobAdvice, AGainIsThatOfThePairedRuns) {
  const RequestExplanation e = found("p99", RequestMetric::ttft, {"engine.max_num_seqs=3"});
  const auto twice = std::find_if(e.tried.begin(), e.tried.end(),
                                  [](const KnobTrial& t) { return t.set.front() == "engine.max_num_seqs=6"; });
  ASSERT_NE(twice, e.tried.end());
  EXPECT_TRUE(twice->helps);
  EXPECT_NEAR(twice->gain, 1 - twice->after_ms / twice->before_ms, 1e-12);
  EXPECT_THAT(e.advice, HasSubstr("max_num_seqs 3 -> 6"));
  const auto half = std::find_if(e.tried.begin(), e.tried.end(),
                                 [](const KnobTrial& t) { return t.set.front() == "engine.max_num_seqs=1"; });
  ASSERT_NE(half, e.tried.end());
  EXPECT_LT(half->gain, 0) << "fewer seats make it worse, and the run says so";
}

TEST(KnobAdvice, TimeBeforeTheSchedulerKnowsARequestIsNotTheStepS) {
  const std::string gpu =
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {random_input_len: 200, random_output_len: 50, "
      "num_prompts: 200, request_rate: 2}\n";
  const RequestExplanation e = found("p99", RequestMetric::ttft, {"cost.per_request=500 ms"}, gpu);
  EXPECT_EQ(e.cause, Cause::overhead);
  EXPECT_EQ(e.knob, "cost.per_request");
}

TEST(KnobAdvice, EveryEngineIsOfferedItsOwnKnobs) {
  const std::string small =
      "model: Llama-3.1-8B\nhardware: {gpu: l4}\nworkload: {random_input_len: 3000, random_output_len: 300, "
      "num_prompts: 60, request_rate: 4}\n";
  const std::pair<const char*, const char*> engines[] = {{"vllm-v1", "engine.gpu_memory_utilization"},
                                                         {"sglang", "engine.mem_fraction_static"},
                                                         {"tensorrt-llm", "engine.free_gpu_memory_fraction"}};
  for (const auto& [engine, share] : engines) {
    const RequestExplanation e = found("p50", RequestMetric::ttft, {std::string("engine.name=") + engine}, small);
    for (const KnobTrial& t : e.tried) {
      const std::string knob = t.set.front().substr(0, t.set.front().find('='));
      if (knob.find("fraction") != std::string::npos || knob.find("utilization") != std::string::npos) {
        EXPECT_EQ(knob, share) << engine;
      }
      if (std::string(engine) == "sglang") {
        EXPECT_NE(knob, "engine.max_num_batched_tokens");
      }
    }
    EXPECT_EQ(e.advice.find("gpu_memory_utilization") != std::string::npos && std::string(engine) != "vllm-v1", false);
  }
}

TEST(SlowRequests, TheWorstIsSlowerThanTheMedianAndTheBestIsNot) {
  const auto worst = explained("worst", RequestMetric::e2el), best = explained("best", RequestMetric::e2el);
  ASSERT_TRUE(worst && best);
  EXPECT_GE(worst->selected.total, worst->median.total);
  EXPECT_LE(best->selected.total, best->median.total);
  const auto same = explained(std::to_string(worst->request->request.index), RequestMetric::e2el);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->selected.parts, worst->selected.parts);
}

TEST(SlowRequests, TpotIsPerToken) {
  const auto e = explained("p99", RequestMetric::tpot);
  ASSERT_TRUE(e);
  const RequestRecord& r = *e->request;
  EXPECT_EQ(e->selected.total, (r.finish - r.first_token).count());
  EXPECT_DOUBLE_EQ(e->selected.milliseconds(), to_milliseconds(r.finish - r.first_token) / 50);
}

TEST(SlowRequests, BandsAndViolatorsAreMeansOfTheirRequests) {
  const auto band = explained("p90..p100", RequestMetric::ttft, {"engine.max_num_seqs=3"});
  ASSERT_TRUE(band) << format(band.error());
  EXPECT_EQ(band->selected.requests, 50);
  const auto violators = explained("violators", RequestMetric::ttft, {"engine.max_num_seqs=3"});
  ASSERT_TRUE(violators) << format(violators.error());
  EXPECT_GT(violators->selected.requests, 50);
  EXPECT_GT(violators->selected.milliseconds(), 100) << "each misses TTFT 100 ms";
  const auto none = explained("violators", RequestMetric::ttft, {"goodput.ttft=100000"});
  ASSERT_FALSE(none);
  EXPECT_THAT(format(none.error()), HasSubstr("no request misses"));
  const auto no_limits = explained("violators", RequestMetric::ttft, {"goodput=null"});
  ASSERT_FALSE(no_limits);
  EXPECT_THAT(format(no_limits.error()), HasSubstr("no limits"));
  EXPECT_TRUE(explained("violators", RequestMetric::ttft,
                        {"goodput=null", "slo=[p99_ttft <= 20 ms]", "engine.max_num_seqs=3"}));
}

TEST(SlowRequests, SaysWhatItCannotExplain) {
  const std::pair<const char*, const char*> cases[] = {
      {"500", "0 to 499"},          {"99999999999", "there is no request"},
      {"p101", "names no request"}, {"-1", "names no request"},
      {"1.5", "names no request"},  {"p99..p95", "does not rise"},
      {"p99..", "no band"},         {"p99.97..p99.98", "no request lies in"},
      {"slow", "names no request"}, {"pnan", "names no request"}};
  for (const auto& [which, words] : cases) {
    const auto e = explained(which, RequestMetric::ttft);
    ASSERT_FALSE(e) << which;
    EXPECT_THAT(format(e.error()), HasSubstr(words)) << which;
  }
  const auto one_token = explained("p99", RequestMetric::tpot, {"workload.random_output_len=1"});
  ASSERT_FALSE(one_token);
  EXPECT_THAT(format(one_token.error()), HasSubstr("two output tokens"));
  const auto id = explained("3", RequestMetric::tpot, {"workload.random_output_len=1"});
  ASSERT_FALSE(id);
  EXPECT_THAT(format(id.error()), HasSubstr("one output token"));
}

TEST(SlowRequests, AFarPercentileOfFewRequestsIsSaidToBeTheSlowest) {
  const auto e = explained("p99", RequestMetric::ttft, {"workload.num_prompts=20"});
  ASSERT_TRUE(e);
  ASSERT_EQ(e->notes.size(), 1u);
  EXPECT_THAT(e->notes[0], HasSubstr("20 requests are too few for p99: it takes 100"));
  EXPECT_TRUE(explained("p99", RequestMetric::ttft, {"workload.num_prompts=100"})->notes.empty());
}

TEST(SlowRequests, StretchesAndStepsGiveTheSame) {
  RunOptions steps;
  steps.step_by_step = true;
  for (const RequestMetric metric : {RequestMetric::ttft, RequestMetric::tpot, RequestMetric::e2el}) {
    const auto a = explained("p95..p99", metric, {"engine.max_num_seqs=3"}),
               b = explained("p95..p99", metric, {"engine.max_num_seqs=3"}, kMixed, steps);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(to_text(to_json(*a)), to_text(to_json(*b)));
  }
}

// The groups of `run` beside its mean: the slowest are slower, violators are counted, and parts sum to what they sum
// up.
TEST(SlowRequests, ARunShowsTheSlowestAndTheViolators) {
  const Scenario s = parse_scenario(kMixed, "s.yaml", {{"engine.max_num_seqs=3"}, {}}).value();
  RunOptions options;
  options.attribution_groups = true;
  const RunResult r = run_scenario(s, options).value();
  ASSERT_EQ(r.attribution_groups.size(), 2u);
  const auto sum = [](const double(&ms)[kAttributionParts]) {
    return std::accumulate(std::begin(ms), std::end(ms), 0.0);
  };
  const AttributionGroup& slowest = r.attribution_groups[0];
  EXPECT_GE(slowest.requests, 5);
  EXPECT_LE(slowest.requests, 15);
  EXPECT_GE(sum(slowest.means.ttft_ms), 0.98 * r.summary["p99_ttft_ms"]);
  EXPECT_LE(sum(slowest.means.ttft_ms), r.summary["max_ttft_ms"]);
  const AttributionGroup& violators = r.attribution_groups[1];
  const auto explained_too = explained("violators", RequestMetric::ttft, {"engine.max_num_seqs=3"});
  ASSERT_TRUE(explained_too);
  EXPECT_EQ(violators.requests, explained_too->selected.requests);
  EXPECT_NEAR(sum(violators.means.ttft_ms), explained_too->selected.milliseconds(), 1e-6);
  EXPECT_TRUE(run_scenario(s).value().attribution_groups.empty()) << "only when asked for";
}

TEST(SlowRequests, AModelThatDoesNotFitAndAnInterruptAreSaid) {
  const auto e = explained("p99", RequestMetric::ttft, {},
                           "model: Llama-3.1-70B\nhardware: {gpu: h100_sxm}\nworkload: {request_rate: 1}\n");
  ASSERT_TRUE(e) << format(e.error());
  EXPECT_FALSE(e->feasible);
  const std::atomic<bool> stop{true};
  RunOptions options;
  options.stop = &stop;
  const auto stopped = explained("p99", RequestMetric::ttft, {}, kMixed, options);
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->interrupted);
  EXPECT_THAT(to_text(*stopped), HasSubstr("INTERRUPTED"));
}

}  // namespace
}  // namespace foretoken
