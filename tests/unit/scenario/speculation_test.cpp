// engine.speculative_config: what it resolves to, engine by engine, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kDrafted =
    "model: Llama-3.1-8B\n"
    "hardware: {gpu: h100_sxm}\n"
    "workload: {random_input_len: 100, random_output_len: 10, num_prompts: 5}\n";

std::string with(const std::string& config, const std::string& engine = "") {
  return std::string(kDrafted) + "engine: {" + engine + (engine.empty() ? "" : ", ") + "speculative_config: {" +
         config + "}}\n";
}

Scenario drafted(const std::string& text) {
  const Result<Scenario> s = parse_scenario(text, "s.yaml", {});
  if (!s) throw std::runtime_error(format(s.error()));
  return *s;
}
std::string problems_of_drafts(const std::string& text) {
  const Result<Scenario> s = parse_scenario(text, "s.yaml", {});
  return s ? "" : format(s.error());
}

constexpr const char* kEagle = "method: eagle3, num_speculative_tokens: 3, acceptance_rate: 0.7";

TEST(Speculation, OfVllmV1LooksAheadForModelsOnly) {
  const Scenario eagle = drafted(with(kEagle));
  EXPECT_EQ(eagle.engine.speculation.tokens, 3);
  EXPECT_EQ(eagle.engine.speculation.lookahead, 3);
  EXPECT_TRUE(eagle.engine.speculation.shortens_hits);
  EXPECT_TRUE(eagle.engine.async_scheduling);
  EXPECT_EQ(eagle.deployment.draft.passes, 3);
  const Scenario ngram = drafted(with("method: ngram, num_speculative_tokens: 4, acceptance_rate: 0.5"));
  EXPECT_EQ(ngram.engine.speculation.lookahead, 0);
  EXPECT_FALSE(ngram.engine.async_scheduling) << "sampled tokens must be on the host first";
  EXPECT_EQ(ngram.deployment.draft.passes, 0);
}

TEST(Speculation, OffLeavesNothing) {
  const Scenario off = drafted(with("method: eagle3, num_speculative_tokens: 0"));
  const Scenario plain = drafted(kDrafted);
  EXPECT_EQ(off.deployment, plain.deployment);
  EXPECT_EQ(off.engine, plain.engine);
}

TEST(Speculation, ADrafterTakesWeightsAndKvCache) {
  const Scenario plain = drafted(kDrafted);
  const Scenario eagle = drafted(with(kEagle));
  const MemoryPlan before = plan_memory(plain.deployment, plain.memory),
                   after = plan_memory(eagle.deployment, eagle.memory);
  EXPECT_NEAR(after.kv_bytes_per_token / before.kv_bytes_per_token, 33.0 / 32, 1e-9);
  // 0.42 B parameters: a layer, 3 H to H, its queries, keys and values of 2 H, 32,000 tokens of LM head.
  EXPECT_NEAR(after.drafter.value, 0.85e9, 0.05e9);
  EXPECT_LT(eagle.engine.num_gpu_blocks, plain.engine.num_gpu_blocks);
}

TEST(Speculation, OfSglangIsATreeAndCapsTheSeats) {
  const Scenario llama = drafted(with("method: eagle3, acceptance_rate: 0.7", "name: sglang"));
  EXPECT_EQ(llama.engine.max_num_seqs, 48);
  EXPECT_EQ(llama.engine.speculation.tokens, 7);
  EXPECT_EQ(llama.deployment.draft.passes, 5);
  EXPECT_EQ(llama.deployment.draft.branches, 4);
  EXPECT_EQ(llama.engine.speculation.acceptance.front().rates.size(), 5u)
      << "a path of the tree is as deep as its steps";
  EXPECT_EQ(llama.engine.speculation.lookahead + 8, 2 * 20);
  const Scenario chain = drafted(with(kEagle, "name: sglang"));
  EXPECT_EQ(chain.engine.speculation.tokens, 3);
  EXPECT_EQ(chain.deployment.draft.branches, 1);
}

TEST(Speculation, ADraftModelOfVllmTakesATokenOfEverySeat) {
  const std::string model = "method: draft_model, model: Llama-3.2-1B, num_speculative_tokens: 3, acceptance_rate: 0.6";
  const Scenario s = drafted(with(model, "version: \"0.22\", max_num_seqs: 256, max_num_batched_tokens: 512"));
  EXPECT_EQ(s.engine.step_tokens(), 256);
  EXPECT_THAT(problems_of_drafts(with(model, "version: \"0.22\", max_num_seqs: 512, max_num_batched_tokens: 512")),
              AllOf(HasSubstr("refuses to start"), HasSubstr("s.yaml:4:")));
  EXPECT_EQ(
      drafted(with(model, "version: \"0.15\", max_num_seqs: 512, max_num_batched_tokens: 512")).engine.step_tokens(),
      512);
}

TEST(Speculation, AParallelDrafterPassesOnceAndTakesSlots) {
  const std::string eagle = std::string(kEagle) + ", parallel_drafting: true";
  const std::string engine = "max_num_seqs: 256, max_num_batched_tokens: 4096";
  const Scenario before = drafted(with(eagle, "version: \"0.24\", " + engine));
  EXPECT_EQ(before.deployment.draft.passes, 1);
  EXPECT_EQ(before.deployment.draft.model.layers, 4);
  EXPECT_EQ(before.deployment.draft.slots(), 2) << "a mask for every draft after the first";
  EXPECT_EQ(before.engine.speculation.lookahead, 3);
  EXPECT_EQ(before.engine.step_tokens(), 4096 - 2 * 256);
  const Scenario now = drafted(with(eagle, "version: \"0.28\", " + engine));
  EXPECT_EQ(now.engine.step_tokens(), 4094);
  EXPECT_EQ(now.engine.speculation.slots_per_request, 2);
  const std::string model = "method: draft_model, model: Llama-3.2-1B, num_speculative_tokens: 3, acceptance_rate: 0.6";
  const Scenario pard = drafted(with(model + ", parallel_drafting: true", "version: \"0.28\", " + engine));
  EXPECT_EQ(pard.engine.speculation.slots_per_request, 3);
  EXPECT_EQ(pard.deployment.draft.passes, 1);
  EXPECT_EQ(pard.deployment.draft.model.layers, 16);
  // What was measured of such drafters, where it was.
  const auto mean = [&](const std::string& config) {
    return drafted(with("method: eagle3, num_speculative_tokens: 7, acceptance_dataset: mt_bench" + config))
        .engine.speculation.acceptance.front()
        .rates;
  };
  const std::vector<double> parallel = mean(", parallel_drafting: true");
  EXPECT_NEAR(parallel[0] + parallel[1] + parallel[2], 1.87, 1e-6);
  EXPECT_NEAR(std::accumulate(parallel.begin(), parallel.begin() + 7, 0.0), 2.70, 1e-6);
  EXPECT_NEAR(mean("")[0], 0.769, 1e-9);
}

TEST(Speculation, RatesComeFromOneOfSeveralKeys) {
  const auto rates = [](const std::string& config) {
    std::vector<double> all = drafted(with("method: eagle3, num_speculative_tokens: 4, " + config))
                                  .engine.speculation.acceptance.front()
                                  .rates;
    all.resize(4);
    return all;
  };
  const auto near = [](double value) { return DoubleNear(value, 1e-9); };
  EXPECT_THAT(rates("acceptance_rate: 0.5"), ElementsAre(near(.5), near(.25), near(.125), near(.0625)));
  EXPECT_THAT(rates("acceptance_rates: [0.8, 0.4]"), ElementsAre(near(.8), near(.4), near(.2), near(.1)));
  EXPECT_THAT(rates("synthetic_acceptance_rates: [1, 0.5, 0.5, 0]"), ElementsAre(near(1), near(.5), near(.5), near(0)));
  EXPECT_THAT(rates("synthetic_acceptance_length: 2.6"), ElementsAre(near(1), near(.6), near(0), near(0)));
  EXPECT_THAT(rates("acceptance_dataset: mt_bench"), ElementsAre(near(.769), near(.591), near(.43), near(.29)));
}

TEST(Speculation, AClassMayHaveRatesOfItsOwn) {
  const Scenario two = drafted(
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {speculative_config: {" + std::string(kEagle) +
      "}}\nworkload: {random_input_len: 100, random_output_len: 10, num_prompts: 5, classes: [{name: a}, {name: b, "
      "acceptance_rate: 0.2}]}\n");
  ASSERT_EQ(two.engine.speculation.acceptance.size(), 2u);
  EXPECT_NEAR(two.engine.speculation.acceptance[0].rates[0], 0.7, 1e-12);
  EXPECT_NEAR(two.engine.speculation.acceptance[1].rates[1], 0.04, 1e-12);
}

struct Bad {
  const char* config;
  const char* says;
  const char* engine = "";
};

TEST(Speculation, WrongInputIsRefusedAtItsPlace) {
  const Bad cases[] = {
      {"num_speculative_tokens: 3", "'engine.speculative_config.method' is missing"},
      {"method: eagle3", "'engine.speculative_config.num_speculative_tokens' is missing"},
      {"method: eagle3, num_speculative_tokens: 129", "num_speculative_tokens"},
      {"method: eagle3, num_speculative_tokens: -1", "num_speculative_tokens"},
      {"method: eagle4, num_speculative_tokens: 3", "did you mean 'eagle'"},
      {"method: eagle3, num_speculative_tokens: 3, acceptance_rates: [0.5, 0.6]", "rises from 0.5 to 0.6"},
      {"method: eagle3, num_speculative_tokens: 3, acceptance_rates: []", "acceptance_rates"},
      {"method: eagle3, num_speculative_tokens: 3, acceptance_rates: [1.5]", "acceptance_rates"},
      {"method: eagle3, num_speculative_tokens: 3, synthetic_acceptance_rates: [0.5]", "has 1 rates for 3 drafts"},
      {"method: eagle3, num_speculative_tokens: 3, synthetic_acceptance_length: 4.5", "has 4 tokens at most"},
      {"method: eagle3, num_speculative_tokens: 3, acceptance_rate: 0.5, synthetic_acceptance_length: 2",
       "both say how many drafts are accepted"},
      {"method: eagle, num_speculative_tokens: 3, acceptance_dataset: coding", "nobody measured eagle on 'coding'"},
      {"method: eagle3, num_speculative_tokens: 3, acceptance_concentration: 4", "is of 'acceptance_rate'"},
      {"method: eagle3, num_speculative_tokens: 3, num_speculative_tokens_per_batch_size: [[2, 4, 3]]",
       "begins at 2, not at 1", "version: \"0.24\""},
      {"method: eagle3, num_speculative_tokens: 3, num_speculative_tokens_per_batch_size: [[1, 8, 3], [4, 9, 1]]",
       "overlaps", "version: \"0.24\""},
      {"method: eagle3, num_speculative_tokens: 3, num_speculative_tokens_per_batch_size: [[1, 8, -1]]",
       "-1 drafts cannot be", "version: \"0.24\""},
      {"method: eagle3, num_speculative_tokens: 3, num_speculative_tokens_per_batch_size: [[1, 8, 3]]",
       "came with 0.24"},
      {"method: draft_model, num_speculative_tokens: 3", "'engine.speculative_config.model' is missing"},
      {"method: draft_model, num_speculative_tokens: 3, model: Qwen3-0.6B", "cannot draft for it"},
      {"method: draft_model, num_speculative_tokens: 3, model: Llama-3.2-1B, draft_tensor_parallel_size: 2",
       "a drafter runs with the target's tensor parallelism"},
      {"method: mtp, num_speculative_tokens: 3, parallel_drafting: true", "method mtp has no parallel drafting"},
      {"method: ngram, num_speculative_tokens: 3, parallel_drafting: true", "method ngram has no parallel drafting"},
      {"method: eagle3, num_speculative_tokens: 3, parallel_drafting: true", "parallel drafting came with 0.16",
       "version: \"0.15\""},
      {"method: eagle3, num_speculative_tokens: 9, parallel_drafting: true",
       "nothing is left beside 8 tokens of the drafter for each of max_num_seqs 256",
       "version: \"0.22\", max_num_seqs: 256, max_num_batched_tokens: 2048"},
      {"method: eagle3, num_speculative_tokens: 9, parallel_drafting: true",
       "nothing is left beside 8 tokens of the drafter for a request",
       "version: \"0.28\", max_num_seqs: 8, max_num_batched_tokens: 8"},
      {"method: ngram, num_speculative_tokens: 3", "refuses to start", "async_scheduling: true"},
      {"method: suffix", "refuses to start", "async_scheduling: true"},
      {"method: medusa, num_speculative_tokens: 3", "sglang has no medusa", "name: sglang"},
      {"method: eagle3, num_speculative_tokens: 3", "is not modelled", "name: orca"},
      {"method: eagle3, num_speculative_tokens: 3", "pipeline stages", "pipeline_parallel_size: 2"},
  };
  for (const Bad& bad : cases) {
    const std::string problems = problems_of_drafts(with(bad.config, bad.engine));
    EXPECT_THAT(problems, AllOf(HasSubstr(bad.says), HasSubstr("s.yaml:4:"))) << bad.config;
  }
}

TEST(Speculation, ParallelDraftingOfAnEngineWithoutItHasNoEffect) {
  Diagnostics warnings;
  ASSERT_TRUE(
      parse_scenario(with(std::string(kEagle) + ", parallel_drafting: true", "name: sglang"), "s.yaml", {}, &warnings));
  EXPECT_THAT(format(warnings), HasSubstr("has no effect: sglang drafts one token a pass"));
}

TEST(Speculation, SaysThatUnstatedAcceptanceIsAGuess) {
  Diagnostics warnings;
  ASSERT_TRUE(parse_scenario(with("method: mtp, num_speculative_tokens: 1"), "s.yaml", {}, &warnings));
  EXPECT_THAT(format(warnings),
              AllOf(HasSubstr("how many drafts of mtp are accepted is not given"), HasSubstr("0.88")));
  Diagnostics none;
  ASSERT_TRUE(parse_scenario(with(kEagle), "s.yaml", {}, &none));
  EXPECT_THAT(none.items(), IsEmpty());
}

}  // namespace
}  // namespace foretoken
