// Every scenario of the repository runs, keeps its promises of form, and gives the same answer either way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/scenario_json.hpp"
#include "foretoken/base/json.hpp"
#include "support/scenario_files.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Scenarios : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenarios, RunsAndIsExplained) {
  const ProcessResult table = foretoken_program({"run", GetParam()});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  const ProcessResult explained = foretoken_program({"explain", GetParam()});
  EXPECT_EQ(explained.exit_code, 0) << explained.err;
  EXPECT_THAT(explained.out, HasSubstr("Floors"));
}

TEST_P(Scenarios, GivesTheSameBytesStepByStep) {
  const ProcessResult& stretches = answer_to({"run", GetParam(), "--format", "json"});
  const ProcessResult steps = foretoken_program({"run", GetParam(), "--format", "json", "--step-by-step", "-j", "1"});
  EXPECT_EQ(stretches.exit_code, 0) << stretches.err;
  EXPECT_EQ(stretches.out, steps.out);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& scenario) {
  std::string name = std::filesystem::path(scenario.param).stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(OfTheRepository, Scenarios, ::testing::ValuesIn(test::scenario_files()), test_name);

TEST(BatchTradeoff, RisesFlattensCrossesTheRidgeAndNamesTheLargestBatch) {
  const ProcessResult& run =
      answer_to({"run", FORETOKEN_SOURCE_DIR "/scenarios/batch-tradeoff.yaml", "--format", "json"});
  const Result<Json> json = parse_json(run.out, "batch-tradeoff");
  ASSERT_TRUE(json);
  const auto& points = *(*json)["points"].if_array();
  ASSERT_EQ(points.size(), 18u);
  for (std::size_t engine = 0; engine < 2; ++engine) {
    const auto summary = [&](std::size_t i) -> const Json& { return points[9 * engine + i]["summary"]; };
    for (std::size_t i = 1; i < 9; ++i) {
      EXPECT_GT(number(summary(i), "mean_tpot_ms"), number(summary(i - 1), "mean_tpot_ms")) << engine << " " << i;
      EXPECT_GT(number(summary(i), "mean_ttft_ms"), number(summary(i - 1), "mean_ttft_ms")) << engine << " " << i;
      EXPECT_GT(number(summary(i), "output_throughput"), number(summary(i - 1), "output_throughput"))
          << engine << " " << i;
    }
    // Doubling the batch nearly doubles the throughput at first and adds little in the end.
    const double first = number(summary(1), "output_throughput") / number(summary(0), "output_throughput");
    const double last = number(summary(8), "output_throughput") / number(summary(7), "output_throughput");
    EXPECT_GT(first, 1.7);
    EXPECT_LT(last, 1.4);
    const double ridge = number(summary(0), "ridge_point");
    EXPECT_LT(number(summary(0), "arithmetic_intensity"), ridge);
    EXPECT_GT(number(summary(8), "arithmetic_intensity"), ridge);
  }
  EXPECT_FALSE((*(*json)["frontiers"].if_array())[1]["largest"].is_null());
}

TEST(AzureTrace, CompletesEveryRequestOfTheRealOne) {
  const std::string trace = FORETOKEN_SOURCE_DIR "/../shared/traces/azure_2023_conv.csv";
  if (!std::filesystem::exists(trace)) GTEST_SKIP() << "the real trace is not here: " << trace;
  const ProcessResult run = foretoken_program({"run", FORETOKEN_SOURCE_DIR "/scenarios/azure-conversation.yaml",
                                               "--format", "json", "--set", "workload.trace.path=" + trace});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "azure");
  ASSERT_TRUE(json);
  EXPECT_EQ(*(*json)["summary"]["completed"].if_int(), 19366);
  EXPECT_EQ(*(*json)["summary"]["failed"].if_int(), 0);
}

// What the scenario's text promises: routers that find the history of a conversation answer in a fraction of the time,
// also with signals that are a second old.
TEST(RouteByPrefix, AnswersInAFractionOfTheTime) {
  const auto ttft_by_router = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"run", FORETOKEN_SOURCE_DIR "/scenarios/route-by-prefix.yaml", "--format",
                                       "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProcessResult& run = answer_to(arguments);
    const Result<Json> json = parse_json(run.out, "route-by-prefix");
    std::vector<double> ttft;
    if (!json) return ttft;
    for (const Json& point : *(*json)["points"].if_array()) ttft.push_back(number(point["summary"], "mean_ttft_ms"));
    return ttft;
  };
  const std::vector<double> fresh = ttft_by_router({}), old = ttft_by_router({"--set", "routing.signal_period=1 s"});
  ASSERT_EQ(fresh.size(), 6u);
  ASSERT_EQ(old.size(), 6u);
  const double least_outstanding = fresh[1];
  for (const std::size_t finds_prefixes : {2u, 3u, 4u}) EXPECT_LT(fresh[finds_prefixes], 0.4 * least_outstanding);
  EXPECT_LT(old[4], 0.4 * least_outstanding) << "llm_d";
  EXPECT_GT(old[5], fresh[5]) << "dynamo leans on the load more";
}

// What the scenario asks: for these lengths the same GPUs do better together on TTFT, because KV caches take long from
// GPU to GPU, and better apart on the gaps between tokens, because no prompt comes between.
TEST(DoesSplittingPay, ForTheGapsBetweenTokensAndNotForTheFirst) {
  const ProcessResult run =
      foretoken_program({"compare", FORETOKEN_SOURCE_DIR "/scenarios/does-splitting-pay.yaml", "--set", "pools=null",
                         "--set", "replicas=4", "--replications", "3", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "does-splitting-pay");
  ASSERT_TRUE(json);
  const auto of = [&](const char* metric, const char* side) { return number((*json)["metrics"][metric], side); };
  EXPECT_GT(of("mean_ttft_ms", "before"), 2 * of("mean_ttft_ms", "after"));
  EXPECT_LT(of("p99_itl_ms", "before"), 0.5 * of("p99_itl_ms", "after"));
  const Json& objectives = (*json)["objectives"];
  EXPECT_EQ(*objectives.if_array()->at(1)["met_before"].if_bool(), true) << "p99_itl <= 30 ms";
  EXPECT_EQ(*objectives.if_array()->at(1)["met_after"].if_bool(), false);
  const Json& why = (*json)["why"];
  ASSERT_EQ(why["sentences"].if_array()->size(), 3u);
  EXPECT_THAT(*why["sentences"].if_array()->at(0).if_string(),
              AllOf(StartsWith("apart, the first token takes"), HasSubstr("ms more for the transfer of KV caches")));
  EXPECT_THAT(*why["sentences"].if_array()->at(1).if_string(), HasSubstr("ms less for other requests' prefill"));
  EXPECT_THAT(*why["sentences"].if_array()->at(2).if_string(), HasSubstr("the busiest pool is decode"));
}

// What the scenario asks: prefill of what was computed before. With room for all conversations hardly any is done
// twice.
TEST(OffloadToCpu, SavesMostOfTheFirstTokensTimeWhereConversationsOverflowTheGpu) {
  const ProcessResult& run =
      answer_to({"run", FORETOKEN_SOURCE_DIR "/scenarios/offload-to-cpu.yaml", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "offload-to-cpu");
  ASSERT_TRUE(json);
  const auto& points = *(*json)["points"].if_array();
  ASSERT_EQ(points.size(), 3u);
  const Json &without = points[0]["summary"], &little = points[1]["summary"], &with = points[2]["summary"];
  EXPECT_LT(number(with, "mean_ttft_ms"), 0.15 * number(without, "mean_ttft_ms"));
  EXPECT_GT(number(little, "mean_ttft_ms"), 0.7 * number(without, "mean_ttft_ms"));
  EXPECT_LT(number(without, "prefix_cache_hit_rate"), 0.5);
  EXPECT_GT(number(with, "prefix_cache_hit_rate"), 0.7);
  const double found = number(with, "cpu_prefix_hits") + number(with, "gpu_prefix_hits");
  EXPECT_EQ(found, number(with, "prefix_cache_hits"));
  EXPECT_GT(number(with, "cpu_prefix_hits"), 0.25 * found);
  EXPECT_GT(number(with, "kv_loaded_gb"), 100);
}

// What the scenario says: signals a second old are worse than none, unless they are used with care.
TEST(StaleRouter, HerdsUnlessItCountsDrawsOrInterprets) {
  const Json json = run_json("stale-router.yaml");
  const auto& points = *json["points"].if_array();
  ASSERT_EQ(points.size(), 5u);
  const auto ttft = [&](std::size_t i) { return number(points[i]["summary"], "mean_ttft_ms"); };
  const double shortest_queue = ttft(0), round_robin = ttft(3);
  EXPECT_GT(shortest_queue, 5 * round_robin);
  for (const std::size_t careful : {1u, 2u, 4u}) EXPECT_LT(ttft(careful), 1.5 * round_robin) << careful;
  const Json counted = run_json("stale-router.yaml", {"sweep=null", "routing.count_own_dispatches=true"});
  EXPECT_LT(number(counted["summary"], "mean_ttft_ms"), 1.5 * round_robin);
}

// Long prompts and short answers want two prefill GPUs for one that decodes; short prompts and long answers the other
// way round. (The scenario's search finds the same: recommend.)
TEST(PrefillPerDecode, HangsOnTheLengths) {
  const auto meets = [](int prefill, int decode, std::vector<std::string> sets) {
    sets.push_back(fmt::format("pools.prefill.replicas={}", prefill));
    sets.push_back(fmt::format("pools.decode.replicas={}", decode));
    const Json json = run_json("prefill-per-decode.yaml", sets);
    return number(json["summary"], "p99_ttft_ms") <= 1000 && number(json["summary"], "p99_tpot_ms") <= 20;
  };
  const std::vector<std::string> long_prompts,
      long_answers{"workload.random_input_len=1000", "workload.random_output_len=1000"};
  EXPECT_TRUE(meets(2, 1, long_prompts));
  EXPECT_FALSE(meets(1, 1, long_prompts));
  EXPECT_FALSE(meets(1, 2, long_prompts));
  EXPECT_TRUE(meets(1, 2, long_answers));
  EXPECT_FALSE(meets(1, 1, long_answers));
  EXPECT_FALSE(meets(2, 1, long_answers));
}

// A run of pools, given back as a measurement, is what is predicted for them; questions about one engine are refused.
TEST(Pools, AreValidatedLikeOneKindOfReplica) {
  const TemporaryFolder folder;
  const std::string file = FORETOKEN_SOURCE_DIR "/scenarios/does-splitting-pay.yaml";
  const std::string few = "workload.num_prompts=200", measured = folder.path("measured.json");
  ASSERT_EQ(foretoken_program({"run", file, "--set", few, "--format", "vllm", "-o", measured}).exit_code, 0);
  const ProcessResult same =
      foretoken_program({"validate", file, "--set", few, "--measured", measured, "--within", "25%"});
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  for (const char* command : {"batch", "memory"}) {
    const ProcessResult refused = foretoken_program({command, file});
    EXPECT_EQ(refused.exit_code, 2) << command;
    EXPECT_THAT(refused.err, HasSubstr("'pools'")) << command;
    EXPECT_THAT(refused.err, HasSubstr("hint: ")) << command;
  }
}

// How many slots for 100 fine-tuned models on one? In the order of the sweep: slots, and for each round_robin and
// lora_affinity.
TEST(ManyAdapters, NeedSixteenSlotsAndLessLoadsWhereTheRouterKnowsThem) {
  const Json json = run_json("many-adapters.yaml");
  const auto& points = *json["points"].if_array();
  ASSERT_EQ(points.size(), 10u);
  const auto figure = [&](std::size_t i, const char* key) { return number(points[i]["summary"], key); };
  for (std::size_t slots = 0; slots < 5; ++slots) {
    const std::size_t in_turn = 2 * slots, affine = in_turn + 1;
    EXPECT_LT(figure(affine, "adapter_loads"), figure(in_turn, "adapter_loads"));
    EXPECT_LT(figure(affine, "p99_ttft_ms"), 1.01 * figure(in_turn, "p99_ttft_ms")) << slots << ": a load takes 6 ms";
    // With 4 and 8 slots the objective is missed, with 16 and more it is kept.
    for (const std::size_t i : {in_turn, affine}) EXPECT_EQ(figure(i, "p99_ttft_ms") <= 500, slots >= 2) << i;
  }
  // Four slots are full nearly all the time; of 64 so many are in use as are asked for at once.
  EXPECT_GT(figure(0, "mean_adapters_per_step"), 3.9);
  EXPECT_NEAR(figure(8, "mean_adapters_per_step"), 10.5, 1);
}

// What the scenario's text promises: at two requests a second three drafts halve the time per token and more; at a
// large batch fewer drafts are best.
TEST(DoesSpeculationPay, HalvesTheTimePerTokenAtALowLoad) {
  const std::string path = FORETOKEN_SOURCE_DIR "/scenarios/does-speculation-pay.yaml";
  const Result<Json> run = parse_json(foretoken_program({"run", path, "--format", "json"}).out, "drafts");
  ASSERT_TRUE(run);
  std::vector<double> tpot;
  for (const Json& point : *(*run)["points"].if_array()) tpot.push_back(number(point["summary"], "mean_tpot_ms"));
  ASSERT_EQ(tpot.size(), 5u);
  for (std::size_t i = 1; i < tpot.size(); ++i) EXPECT_LT(tpot[i], tpot[i - 1]) << i;
  EXPECT_LT(tpot[3], 0.5 * tpot[0]);
  const Result<Json> why = parse_json(foretoken_program({"explain", path, "--format", "json"}).out, "explain");
  ASSERT_TRUE(why);
  const Json& speculation = (*why)["speculation"];
  EXPECT_NEAR(number(speculation, "mean_acceptance_length"), 2.79, 0.01);
  const auto& points = *speculation["points"].if_array();
  EXPECT_GT(number(points.front(), "speed_up"), 2);
  EXPECT_LT(number(points.back(), "speed_up"), number(points.front(), "speed_up"));
  EXPECT_LT(*points.back()["best_tokens"].if_int(), *points.front()["best_tokens"].if_int());
}

// What the scenario's text promises: images raise TTFT and the tail of the gaps; those that many ask about are found.
TEST(ImagesInPrompts, DelayEverybodyUnlessTheyAreFound) {
  const Json json = run_json("images-in-prompts.yaml");
  const auto& points = *json["points"].if_array();
  ASSERT_EQ(points.size(), 3u);
  for (std::size_t i = 1; i < points.size(); ++i) {
    for (const char* metric : {"mean_ttft_ms", "p99_itl_ms", "mean_tpot_ms"})
      EXPECT_GT(number(points[i]["summary"], metric), number(points[i - 1]["summary"], metric)) << i << metric;
  }
  EXPECT_GT(number(points[1]["summary"], "mean_ttft_ms"), 2 * number(points[0]["summary"], "mean_ttft_ms"));
  EXPECT_EQ(number(points[1]["summary"], "encoder_items"), 400);
  EXPECT_EQ(number(points[1]["summary"], "encoder_tokens"), 400.0 * 2691);
  EXPECT_EQ(number(points[1]["summary"], "encoder_cache_hit_rate"), 0);
  const Json few = run_json("images-in-prompts.yaml", {"sweep=null", "workload.random_mm_distinct_items=2"});
  EXPECT_GT(number(few["summary"], "encoder_cache_hit_rate"), 0.9);
  EXPECT_LT(number(few["summary"], "mean_ttft_ms"), number(points[1]["summary"], "mean_ttft_ms"));
}

// What the scenario's text promises: a third off the tail of the gaps, and a little more TTFT and TPOT.
TEST(EncoderApart, SparesDecodesTheImages) {
  const Json apart = run_json("encoder-apart.yaml");
  const Json together = run_json("encoder-apart.yaml", {"pools=null", "replicas=3"});
  const auto ratio = [&](const char* m) { return number(apart["summary"], m) / number(together["summary"], m); };
  EXPECT_NEAR(ratio("p99_itl_ms"), 0.67, 0.05);
  EXPECT_GT(ratio("mean_ttft_ms"), 1);
  EXPECT_LT(ratio("mean_ttft_ms"), 1.2);
  EXPECT_GT(ratio("mean_tpot_ms"), 1);
  EXPECT_LT(ratio("mean_tpot_ms"), 1.1);
}

}  // namespace
}  // namespace foretoken
