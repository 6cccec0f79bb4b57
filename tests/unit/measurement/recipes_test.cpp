// What is known of a run beside its row.
#include "measurement/accuracy/recipes.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace foretoken {
namespace {

Point run_of(const std::string& framework, const std::string& day) {
  Point p;
  p.framework = framework;
  p.model_family = "deepseek-v3";
  p.gpu = "B200-SXM-180GB";
  p.weights = "nvfp4";
  p.notes = "InferenceX sweep " + day + "; closed loop";
  p.prompt_tokens = p.output_tokens = 1024;
  p.batch = 32;
  p.tensor = 4;
  return p;
}

TEST(Recipes, SayWhetherTheEnginesStartWasMeasuredToo) {
  EXPECT_TRUE(recipe_of(run_of("sglang ?", "2025-11-10")).cold) << "the client sent nothing ahead";
  EXPECT_FALSE(recipe_of(run_of("sglang 0.5.9", "2026-03-25")).cold) << "twice the concurrency went ahead";
  EXPECT_FALSE(recipe_of(run_of("trtllm 1.1.0rc2.post2", "2025-12-15")).cold) << "kernels are made at start-up";
  EXPECT_FALSE(recipe_of(run_of("vllm ?", "2025-11-10")).cold);
}

// dsr1_fp4_b200_trt_slurm.sh at e06929c: columns of ranks and experts came with 17d5e204f.
TEST(Recipes, SpreadDeepseekAsItsScriptDid) {
  const auto spread = [](std::int64_t tensor, std::int64_t prompt, std::int64_t output, std::int64_t requests) {
    Point p = run_of("trtllm ?", "2025-11-02");
    p.tensor = tensor;
    p.prompt_tokens = prompt;
    p.output_tokens = output;
    p.batch = requests;
    const Recipe r = recipe_of(p);
    return std::pair(r.spreads_experts, r.attention_ranks);
  };
  EXPECT_EQ(spread(4, 1024, 1024, 32), std::pair(false, false));
  EXPECT_EQ(spread(4, 1024, 8192, 64), std::pair(true, false));
  EXPECT_EQ(spread(4, 1024, 1024, 256), std::pair(true, true));
  EXPECT_EQ(spread(4, 8192, 1024, 64), std::pair(true, true));
  EXPECT_EQ(spread(8, 1024, 1024, 16), std::pair(true, false));
  EXPECT_EQ(spread(8, 1024, 8192, 16), std::pair(false, false));
  EXPECT_EQ(spread(8, 8192, 1024, 32), std::pair(false, false));
  Point later = run_of("trtllm 1.1.0rc2.post2", "2025-12-15");
  later.batch = 256;
  EXPECT_FALSE(recipe_of(later).attention_ranks) << "its columns say so themselves";
}

TEST(Recipes, HaveNoGraphsWhereNoneWereCapturedThatFit) {
  Point p = run_of("trtllm 1.3.0rc1", "");
  p.notes = "NVIDIA in-house run 2026-03-17";
  p.prompt_tokens = 4000;
  const Recipe r = recipe_of(p);
  EXPECT_EQ(r.rounds, 50);
  EXPECT_NE(r.engine.find("enforce_eager: true"), std::string::npos);
  EXPECT_NE(r.engine.find("max_num_batched_tokens: 6016"), std::string::npos) << "4000 + 512 + 1500, in blocks of 32";
  p.framework = "trtllm 1.3.0rc5";
  EXPECT_EQ(recipe_of(p).rounds, 10);
}

}  // namespace
}  // namespace foretoken
