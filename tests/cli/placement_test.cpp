// `foretoken placement` on the scenario that asks for it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/scenario_json.hpp"
#include "foretoken/base/json.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;

// Which model on which GPU? Chats on an L40S and extraction on three L4s, each behind a router of its own, cost $6.90
// an hour with an H100 for reasoning; on one L4 fewer prompts wait too long.
std::vector<std::string> placed(int l4) {
  return {"--set", fmt::format("pools.small-l4.replicas={}", l4),
          "--set", "pools.small-l4.served_model_name=\"small@small-l4\"",
          "--set", "pools.small-l40s.replicas=1",
          "--set", "pools.small-l40s.served_model_name=\"small@small-l40s\"",
          "--set", "pools.large-l40s.replicas=0",
          "--set", "pools.large-h100.replicas=1",
          "--set", "workload.classes[0].model=\"small@small-l40s\"",
          "--set", "workload.classes[1].model=\"small@small-l4\""};
}
const std::string kPlaceModels = std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/place-models.yaml";

TEST(PlaceModels, TheAnswerMeetsAndOneFewerMisses) {
  for (const int l4 : {3, 2}) {
    std::vector<std::string> words{"check", kPlaceModels, "--format", "json", "--no-model-error", "--no-fixes"};
    for (const std::string& word : placed(l4)) words.push_back(word);
    const ProcessResult run = foretoken_program(words);
    EXPECT_EQ(run.exit_code, l4 == 3 ? 0 : 99) << run.err;
    const Result<Json> json = parse_json(run.out, "check");
    ASSERT_TRUE(json);
    EXPECT_EQ(*(*json)["verdict"].if_string(), l4 == 3 ? "meets" : "misses");
  }
}

TEST(PlaceModels, IsAnsweredByPlacement) {
  const ProcessResult run = foretoken_program({"placement", kPlaceModels, "--precision", "10%", "--format", "json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "placement");
  ASSERT_TRUE(json);
  EXPECT_EQ(*(*json)["outcome"].if_string(), "found");
  EXPECT_DOUBLE_EQ(number(*json, "usd_per_hour"), 6.9);
  std::vector<std::string> set;
  for (const Json& one : *(*json)["set"].if_array()) set.insert(set.end(), {"--set", *one.if_string()});
  EXPECT_EQ(set, placed(3));
  // All of it on one kind of GPU costs two thirds more, where it is possible at all.
  for (const Json& one : *(*json)["one_kind"].if_array()) {
    double usd = 0;
    if (one["usd_per_hour"].number(usd)) {
      EXPECT_GT(usd, 1.6 * 6.9);
    }
  }
  EXPECT_GT(number((*json)["p_meets_all"], "value"), 0.2);
}

TEST(PlacementCommand, SaysWhatItNeeds) {
  const ProcessResult plain = foretoken_program({"placement", FORETOKEN_SOURCE_DIR "/scenarios/chatbot.yaml"});
  EXPECT_EQ(plain.exit_code, 2);
  EXPECT_NE(plain.err.find("the scenario has no pools"), std::string::npos) << plain.err;
  const ProcessResult share = foretoken_program({"placement", kPlaceModels, "--precision", "none"});
  EXPECT_EQ(share.exit_code, 2);
  EXPECT_NE(share.err.find("'none' is no share of a capacity"), std::string::npos) << share.err;
}

}  // namespace
}  // namespace foretoken
