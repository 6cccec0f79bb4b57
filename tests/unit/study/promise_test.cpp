// Grids of lengths and longest contexts, on deployments whose limits are known.
#include "study/capacity/promise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "study/capacity/promise_context.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A lone request of P prompt tokens has its first token after 10 ms + P x 0.1 ms.
const char* const kAffinePromise = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 1001, max_model_len: 4096, max_num_batched_tokens: 4096}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 20, num_prompts: 300, request_rate: 2}
slo: [p95_ttft <= 150 ms]
promise: {input_len: [1000, 100, 3000], output_len: [10, 40], precision: 0.2}
)";

Result<PromiseResult> promises_of(std::vector<std::string> set = {}) {
  const Question question{kAffinePromise, "s.yaml", {std::move(set)}};
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  RunOptions options;
  options.threads = 2;
  return find_promises(question, *scenario, options);
}

TEST(Promise, HoldsForMoreLoadOfShorterRequestsAndForNoneThatAloneMiss) {
  const auto r = promises_of();
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_THAT(r->prompts, ElementsAre(100, 1000, 3000));
  ASSERT_EQ(r->cells.size(), 6u);
  for (std::size_t column = 0; column < 2; ++column) {
    const PromiseCell &brief = r->cells[column], &longer = r->cells[2 + column], &longest = r->cells[4 + column];
    ASSERT_TRUE(brief.capacity && longer.capacity) << brief.reason << longer.reason;
    EXPECT_GT(*brief.capacity, *longer.capacity) << "a prompt ten times as long takes more";
    EXPECT_EQ(longest.outcome, CapacityOutcome::nothing_meets) << "310 ms alone";
    EXPECT_THAT(longest.reason, HasSubstr("3000 prompt tokens"));
    EXPECT_EQ(longest.requests, 0) << "a bound says it";
  }
}

TEST(Promise, FindsTheLongestPromptThatMeetsAtTheScenariosLoad) {
  const auto r = promises_of({"workload.request_rate=0.01"});
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_TRUE(r->by_slo.prompt && r->by_slo.missed) << r->by_slo.reason;
  // Nearly alone: 10 ms + P x 0.1 ms = 150 ms at 1,400 tokens.
  EXPECT_LE(*r->by_slo.prompt, 1400);
  EXPECT_GE(*r->by_slo.missed, 1380);
  // Beside an undecided length the ends may be twice the precision apart.
  EXPECT_LE(*r->by_slo.missed, 1.11 * static_cast<double>(*r->by_slo.prompt));
}

TEST(Promise, SharesTheKvCacheOutInClosedForm) {
  const auto r = promises_of();
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_EQ(r->by_memory.size(), 3u);  // 1, 4, 8
  // 1,000 blocks of 16 tokens: 16,000 for one, cut to max_model_len; 4,000 for four; 2,000 for eight.
  EXPECT_EQ(r->by_memory[0].tokens, 4096);
  EXPECT_TRUE(r->by_memory[0].by_model_len);
  EXPECT_EQ(r->by_memory[1].tokens, 4000);
  EXPECT_EQ(r->by_memory[2].tokens, 2000);
  EXPECT_FALSE(r->by_memory[2].by_model_len);
}

TEST(Promise, SkipsWhatIsLongerThanTheModelsContext) {
  const auto r = promises_of({"promise.input_len=[4090]"});
  ASSERT_TRUE(r) << format(r.error());
  for (const PromiseCell& cell : r->cells) {
    EXPECT_TRUE(cell.skipped);
    EXPECT_THAT(cell.reason, HasSubstr("max_model_len"));
  }
}

TEST(Promise, TakesFourfoldStepsWhereNoLengthsAreGiven) {
  EXPECT_THAT(default_lengths(128, 4096), ElementsAre(128, 512, 2048));
  EXPECT_THAT(default_lengths(128, 100), ElementsAre(100));
}

TEST(Promise, RefusesLengthsThatAreNone) {
  for (const char* bad : {"[0]", "[-5]", "[1.5]", "[nan]", "[x]", "[1e12]"})
    EXPECT_FALSE(promises_of({std::string("promise.input_len=") + bad})) << bad;
  EXPECT_FALSE(promises_of({"slo=[]"}));
}

}  // namespace
}  // namespace foretoken
