// A question with changes is another question.
#include "foretoken/scenario/question.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace foretoken {
namespace {

using ::testing::HasSubstr;

const char* const kAsked = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 1000}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 10, request_rate: 5}
sweep: {engine.max_num_seqs: [1, 2]}
)";

TEST(Question, ChangesWinOverWhatWasSetBeforeAndLeaveTheFirstAsItWas) {
  const Question asked{kAsked, "s.yaml", {{"engine.max_num_seqs=16"}}};
  const Question changed = asked.with({"engine.max_num_seqs=32"});
  EXPECT_EQ(asked.scenario()->engine.max_num_seqs, 16);
  EXPECT_EQ(changed.scenario()->engine.max_num_seqs, 32);
  EXPECT_EQ(changed.with({"engine.max_num_seqs=4", "seed=7"}).scenario()->engine.max_num_seqs, 4);
}

TEST(Question, WithoutSweepHasNoAxesWhoeverNamedThem) {
  Question asked{kAsked, "s.yaml"};
  asked.options.over = {"workload.request_rate=1,2"};
  EXPECT_EQ(asked.scenario()->sweep.size(), 2u);
  EXPECT_TRUE(asked.without_sweep().scenario()->sweep.empty());
}

TEST(Question, ProblemsNameTheTextByItsOrigin) {
  const Question asked{std::string(kAsked) + "engin: {}\n", "mine.yaml"};
  const Result<Scenario> refused = asked.scenario();
  ASSERT_FALSE(refused);
  EXPECT_THAT(format(refused.error()), HasSubstr("mine.yaml:6:1: error"));
  EXPECT_EQ(asked.whole().file, "mine.yaml");
}

}  // namespace
}  // namespace foretoken
