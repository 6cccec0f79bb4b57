// What is known of a run beside its row.
#include "measurement/accuracy/recipes.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace foretoken
