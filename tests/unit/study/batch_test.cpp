// The batch-size study, on step times known in closed form and on a GPU whose ridge point is known.
#include "foretoken/study/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "foretoken/report/report.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A step takes 10 ms, 0.1 ms a prompt token and 1 ms a decoding sequence.
const char* const kAffine = R"(
engine: {name: vllm-v1, max_num_seqs: 64, num_gpu_blocks_override: 4000, max_num_batched_tokens: 2048, async_scheduling: false}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us, per_decode_token: 1 ms}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 400, request_rate: 5}
)";
const char* const kSmall = R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
engine: {max_model_len: 4096}
workload: {random_input_len: 400, random_output_len: 60, request_rate: 5, num_prompts: 100}
)";

Result<BatchStudy> study(const std::string& text, const std::string& sizes, std::vector<std::string> set = {},
                         int threads = 2, const std::atomic<bool>* stop = nullptr) {
  const Question question{text, "s.yaml", {std::move(set)}};
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  BatchOptions options;
  options.sizes = sizes;
  options.run.threads = threads;
  options.run.stop = stop;
  return study_batch(question, *scenario, options);
}

std::vector<std::int64_t> asked(const BatchStudy& s) {
  std::vector<std::int64_t> sizes;
  for (const BatchSize& b : s.sizes) {
    if (!b.refined) sizes.push_back(b.size);
  }
  return sizes;
}

TEST(BatchStudy, PricesTheStaticBatchInClosedForm) {
  const auto s = study(kAffine, "1,4,32");
  ASSERT_TRUE(s) << format(s.error());
  ASSERT_THAT(asked(*s), ElementsAre(1, 4, 32));
  // Prefill of B x 100 tokens in steps of at most 20 prompts; then 49 steps of 10 + B ms.
  for (const BatchSize& b : s->sizes) {
    if (b.refined) continue;
    const auto n = static_cast<double>(b.size);
    const double prefill = (b.size <= 20 ? 10 : 20) + 10 * n, step = 10 + n;
    std::cout << "batch " << n << ": TTFT " << prefill << " ms, step " << step << " ms\n";
    EXPECT_NEAR(b.in_closed_form->ttft_ms, prefill, 1e-6);
    EXPECT_NEAR(b.in_closed_form->tpot_ms, step * 49 / 50, 1e-6);
    EXPECT_NEAR(b.in_closed_form->tps, n * 50 / (prefill + 49 * step) * 1e3, 1e-6);
  }
}

TEST(BatchStudy, SimulatesALoneRequestAsInClosedForm) {
  const auto s = study(kAffine, "1");
  ASSERT_TRUE(s);
  const BatchSize& b = s->sizes.front();
  ASSERT_TRUE(b.simulated);
  EXPECT_NEAR(b.simulated->ttft_ms.value, b.in_closed_form->ttft_ms, 1e-3);
  EXPECT_NEAR(b.simulated->tpot_ms.value, b.in_closed_form->tpot_ms, 1e-3);
  EXPECT_NEAR(b.simulated->tps.value, b.in_closed_form->tps, 1e-6 * b.in_closed_form->tps);
}

// Equal requests whose prompts fit one step move in one wave: a prefill of B prompts, 49 steps of 10 + B ms, and over
// again. A window that cuts a wave would be off by a part of one.
TEST(BatchStudy, ThroughputOfEqualRequestsIsThatOfWholeWaves) {
  const auto s = study(kAffine, "2,3,7,16,20");
  ASSERT_TRUE(s) << format(s.error());
  for (const BatchSize& b : s->sizes) {
    ASSERT_TRUE(b.simulated) << b.why_not_simulated;
    if (b.size > 20) continue;
    const auto n = static_cast<double>(b.size);
    const double wave_ms = 10 + 10 * n + 49 * (10 + n);
    std::cout << "batch " << n << ": " << b.simulated->tps.value << " tok/s, in closed form " << n * 50 / wave_ms * 1e3
              << '\n';
    EXPECT_NEAR(b.simulated->tps.value, n * 50 / wave_ms * 1e3, 1e-6 * b.simulated->tps.value);
    EXPECT_NEAR(b.simulated->ttft_ms.value, 10 + 10 * n, 1e-3);
    EXPECT_TRUE(b.simulated->settled);
  }
}

// Five runs of a load without chance are one run: no interval is claimed. With lengths that differ there is one.
TEST(BatchStudy, RunsThatAreTheSameHaveNoInterval) {
  const auto same = study(kAffine, "8"), differ = study(kAffine, "8", {"workload.random_range_ratio=0.3"});
  ASSERT_TRUE(same && differ);
  EXPECT_TRUE(same->sizes.front().simulated->identical_runs);
  const Json json = to_json(*same);
  const Json::Array& sizes = *json["sizes"].if_array();
  const Json& tps = sizes.front()["continuous"]["output_throughput"];
  EXPECT_FALSE(tps["value"].is_null());
  EXPECT_TRUE(tps["low"].is_null() && tps["high"].is_null()) << to_text(tps);
  EXPECT_THAT(to_text(*same), HasSubstr("nothing in this load is random"));
  const ContinuousBatch& c = *differ->sizes.front().simulated;
  EXPECT_FALSE(c.identical_runs);
  EXPECT_LT(c.tps.low, c.tps.value);
  EXPECT_GT(c.tps.high, c.tps.value);
}

// TPOT >= (10 + B) x 0.98 of the closed form: beyond batch 41 no step is shorter than 50 ms.
TEST(BatchStudy, FindsTheLargestBatchWithinTheDefaultObjective) {
  const auto s = study(kAffine, "1,2,4..64");
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->default_objective);
  ASSERT_TRUE(s->best);
  ASSERT_TRUE(s->first_missed);
  const BatchSize& best = s->sizes[*s->best];
  const BatchSize& next = s->sizes[*s->first_missed];
  std::cout << "best " << best.size << ": " << best.simulated->tpot_ms.value << " ms, next " << next.size << ": "
            << next.simulated->tpot_ms.value << " ms\n";
  EXPECT_LE(best.size, 41);
  EXPECT_GT(best.size, 16);
  EXPECT_LT(best.simulated->tpot_ms.high, 50);
  EXPECT_GE(next.simulated->tpot_ms.high, 50);
  EXPECT_EQ(next.size - best.size, 1) << "found to the request";
  EXPECT_TRUE(best.refined);
  for (std::size_t i = 1; i < s->sizes.size(); ++i) EXPECT_LT(s->sizes[i - 1].size, s->sizes[i].size);
}

TEST(BatchStudy, SaysWhereTheKvCacheEnds) {
  // 3,999 usable blocks of 16 tokens; 150 tokens take 10 blocks.
  const auto s = study(kAffine, "1,512");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->kv_limit, 399);
  EXPECT_TRUE(s->sizes.front().kv_fits);
  EXPECT_FALSE(s->sizes.back().kv_fits);
  EXPECT_GT(s->sizes.back().simulated->kv_usage, 0.9);
}

TEST(BatchStudy, TheMemoryPlanFollowsTheBatchAndTheTokenBudget) {
  const auto s = study(kSmall, "256,2048");
  ASSERT_TRUE(s) << format(s.error());
  // Logits of one row more: 128,256 words x 6 bytes.
  const double per_row = (s->sizes[0].kv_available - s->sizes.back().kv_available) / 1792.0;
  EXPECT_NEAR(per_row, 128256 * 6, 0.05 * 128256 * 6);
  for (std::size_t i = 1; i < s->budgets.size(); ++i) {
    EXPECT_GT(s->budgets[i].activations, s->budgets[i - 1].activations);
    EXPECT_LT(s->budgets[i].kv_tokens, s->budgets[i - 1].kv_tokens);
    EXPECT_GT(s->budgets[i].step_ms, s->budgets[i - 1].step_ms);
  }
  EXPECT_EQ(std::count_if(s->budgets.begin(), s->budgets.end(), [](const BudgetRow& r) { return r.current; }), 1);
}

// H100: 989.4 TFLOP/s over 3.35 TB/s = 295 FLOP per byte. A GEMM of n x k weights with m rows has
// 2mnk / 2(nk + mk + mn) FLOP per byte: it crosses a little above m = 295.
TEST(BatchStudy, GemmsTurnComputeBoundNearTheRidgePointAndAttentionNever) {
  const auto s = study(kSmall, "1,512");
  ASSERT_TRUE(s);
  EXPECT_NEAR(s->ridge.ridge_point, 295, 2);
  bool attention = false, gemms = false;
  for (const RidgeOperator& op : s->ridge.operators) {
    if (op.name == "attention_decode") {
      attention = true;
      EXPECT_FALSE(op.by_datasheet);
      EXPECT_FALSE(op.as_priced);
      EXPECT_NEAR(op.intensity_at_one, op.intensity_at_most, 0.1) << "every sequence reads its own KV cache";
    }
    if (op.name == "gate_up") {
      gemms = true;
      ASSERT_TRUE(op.by_datasheet);
      EXPECT_GE(*op.by_datasheet, 295);
      EXPECT_LE(*op.by_datasheet, 360);
      EXPECT_NEAR(op.intensity_at_one, 1, 0.01);
    }
  }
  EXPECT_TRUE(attention && gemms);
}

TEST(BatchStudy, MoreInFlightIsNeverFasterForOneUser) {
  const auto s = study(kSmall, "1,4,16..256");
  ASSERT_TRUE(s);
  double tpot = 0;
  for (const BatchSize& b : s->sizes) {
    ASSERT_TRUE(b.simulated) << b.why_not_simulated;
    EXPECT_GE(b.simulated->tpot_ms.value, tpot * 0.999) << b.size;
    tpot = b.simulated->tpot_ms.value;
    EXPECT_LE(b.simulated->mfu, 1);
    EXPECT_LE(b.simulated->mbu, 1);
  }
}

TEST(BatchStudy, IsTheSameInAnyOrderAndOnAnyNumberOfThreads) {
  const auto a = study(kSmall, "64,8,1", {}, 1), b = study(kSmall, "1,8,64", {}, 3);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(to_text(to_json(*a)), to_text(to_json(*b)));
}

TEST(BatchStudy, RefusesWhatIsNoBatchSize) {
  for (const char* sizes : {"0", "-4", "1.5", "many", "1,1", "", "2000000", "nan", "1..", "{a: 1}"}) {
    const auto s = study(kSmall, sizes);
    ASSERT_FALSE(s) << sizes;
    EXPECT_THAT(format(s.error()), HasSubstr("--sizes")) << sizes;
  }
}

TEST(BatchStudy, OneTokenOutputsHaveNoTpotToKeep) {
  const auto s = study(kSmall, "1,8", {"workload.random_output_len=1"});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_FALSE(s->best);
  EXPECT_THAT(to_text(*s), HasSubstr("NONE of the sizes keeps"));
}

TEST(BatchStudy, SizesThatDoNotFitAreSaidAndAModelThatDoesNotFitIsNoAnswer) {
  // 100,000 rows of logits are 77 GB.
  const auto some = study(kSmall, "8,100000");
  ASSERT_TRUE(some);
  EXPECT_TRUE(some->feasible);
  EXPECT_EQ(some->sizes.back().status, PointStatus::does_not_fit);
  const auto none = study(kSmall, "8", {"model=Llama-3.1-70B"});
  ASSERT_TRUE(none) << format(none.error());
  EXPECT_FALSE(none->feasible);
  EXPECT_THAT(to_text(*none), HasSubstr("Does not fit"));
}

TEST(BatchStudy, AnInterruptKeepsWhatWasFinished) {
  const std::atomic<bool> stop{true};
  const auto s = study(kSmall, "1,8", {}, 1, &stop);
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->interrupted);
  EXPECT_EQ(s->sizes.front().status, PointStatus::skipped);
  EXPECT_THAT(to_text(*s), HasSubstr("INTERRUPTED"));
}

TEST(BatchStudy, TracesSessionsAndClassesKeepTheirLengths) {
  for (const std::string& load :
       {std::string("sessions: {turns: {distribution: uniform, min: 1, max: 3}, think_time: 10 s}, random_input_len: "
                    "50, random_output_len: 20, request_rate: 5, num_prompts: 100"),
        std::string("classes: [{name: a, weight: 1, random_input_len: 50, random_output_len: 10}, {name: b, weight: 1, "
                    "random_input_len: 500, random_output_len: 20}], request_rate: 5, num_prompts: 100")}) {
    const auto s =
        study("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm, num_gpus: 2}\nworkload: {" + load + "}\n", "2,8");
    ASSERT_TRUE(s) << format(s.error());
    for (const BatchSize& b : s->sizes) EXPECT_TRUE(b.simulated) << load << b.reason << b.why_not_simulated;
  }
}

}  // namespace
}  // namespace foretoken
