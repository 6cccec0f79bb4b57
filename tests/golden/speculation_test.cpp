// Speculation worked out by hand (src/serving/README.md, "Golden schedules", S1 to S13): who verifies what, in which
// blocks, when tokens come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/levels/levels.hpp"
#include "foretoken/experiment/explain.hpp"
#include "golden/schedule.hpp"
#include "scenario/measured_acceptance.hpp"
#include "serving/speculation/acceptance.hpp"

namespace foretoken::test {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

EngineConfig drafting(std::int64_t tokens, std::vector<double> rates, std::int64_t lookahead = 0) {
  EngineConfig engine = vllm();
  engine.speculation.tokens = tokens;
  engine.speculation.lookahead = lookahead;
  engine.speculation.acceptance = {Acceptance{std::move(rates)}};
  return engine;
}
EngineConfig all_accepted(std::int64_t tokens, std::int64_t lookahead = 0) {
  return drafting(tokens, std::vector<double>(static_cast<std::size_t>(tokens), 1.0), lookahead);
}

TEST(GoldenSpeculation, S1TheMeanLengthOfIndependentDraftsIsAGeometricSum) {
  const auto length = [](double rate, int drafts) {
    return tokens_per_row(Acceptance{rates_of(rate, static_cast<std::size_t>(drafts))}, drafts);
  };
  EXPECT_NEAR(length(.8, 3), 2.952, 1e-12);
  EXPECT_NEAR(length(.6, 3), 2.176, 1e-12);
  EXPECT_NEAR(length(.7, 1), 1.7, 1e-12);
  EXPECT_NEAR(length(1, 4), 5, 1e-12);
  EXPECT_NEAR(length(0, 4), 1, 1e-12);
}

TEST(GoldenSpeculation, S2OneUniformNumberDecidesHowManyAreAccepted) {
  const Acceptance acceptance{{.76, .56, .43}};
  EXPECT_NEAR(tokens_per_row(acceptance, 3), 2.75, 1e-12);
  // Over many draws each position is accepted as often as its rate says.
  SpeculationConfig config;
  config.tokens = 3;
  config.acceptance = {acceptance};
  std::int64_t at[3] = {};
  constexpr std::int64_t kDraws = 200'000;
  for (std::int64_t i = 0; i < kDraws; ++i) {
    const std::int64_t accepted = accepted_drafts(config, {i / 100, i % 100, 0}, 3, 0);
    for (std::int64_t k = 0; k < accepted; ++k) ++at[k];
  }
  // Three standard errors of a share of 0.5.
  const double error = 3 * 0.5 / std::sqrt(static_cast<double>(kDraws));
  for (std::size_t k = 0; k < 3; ++k)
    EXPECT_NEAR(static_cast<double>(at[k]) / kDraws, acceptance.rates[k], error) << "position " << k;
}

TEST(GoldenSpeculation, S3ASyntheticLengthIsSpreadAsEvenlyAsPossible) {
  EXPECT_THAT(rates_of_length(2.6, 4),
              ElementsAre(DoubleNear(1, 1e-12), DoubleNear(.6, 1e-12), DoubleNear(0, 1e-12), DoubleNear(0, 1e-12)));
  EXPECT_NEAR(tokens_per_row(Acceptance{rates_of_length(2.6, 4)}, 4), 2.6, 1e-12);
}

TEST(GoldenSpeculation, S4DraftsBeyondTheBudgetAreDropped) {
  EngineConfig engine = all_accepted(3);
  engine.max_num_batched_tokens = 10;
  const Schedule run(engine, {{2, 9}, {2, 9}, {2, 9}, {2, 9}});
  // A and B verify 3 drafts each, C one, D waits with its drafts.
  EXPECT_THAT(run.schedule(2), ElementsAre("2 2 2 2 | 0", "| 3+7 > 7"));
}

TEST(GoldenSpeculation, S5BlocksAreTakenForDraftsAndForTheDrafter) {
  const auto blocks = [](const EngineConfig& engine) {
    const Schedule run(engine, {{29, 9}});
    return run.seen.steps[1].kv_blocks_used;
  };
  EXPECT_EQ(blocks(drafting(3, {0, 0, 0}, 3)), 3);  // 29 + 4 + 3 tokens
  EXPECT_EQ(blocks(drafting(3, {0, 0, 0})), 3);     // 29 + 4
  EXPECT_EQ(blocks(vllm()), 2);                     // 30
  // All rejected: the blocks stay.
  const Schedule run(drafting(3, {0, 0, 0}, 3), {{29, 9}});
  EXPECT_EQ(run.seen.steps[2].kv_blocks_used, 3);
}

TEST(GoldenSpeculation, S6TheContextCutsDrafts) {
  EngineConfig engine = all_accepted(3, 3);
  engine.max_model_len = 32;
  const Schedule run(engine, {{29, 3}});
  EXPECT_EQ(run.schedule(2), (std::vector<std::string>{"29 | 0", "| 1+1 > 1"}));
  EXPECT_EQ(run.seen.steps[1].kv_blocks_used, 2);
}

TEST(GoldenSpeculation, S7TokensBeyondTheAnswerAreDroppedAndTheGapIsThatOfSteps) {
  StubTerms terms;
  terms.base = 12e-3;
  terms.per_prefill_token = 88e-3;
  const Schedule run(all_accepted(3), {{1, 10}}, terms);
  ASSERT_EQ(run.seen.steps.size(), 4U);
  EXPECT_THAT(run.schedule(4), ElementsAre("1 | 0", "| 1+3 > 3", "| 1+3 > 3", "| 1+3 > 0"));
  const RequestRecord r = run.seen.by_index()[0];
  EXPECT_NEAR(to_milliseconds(r.first_token - r.request.arrival), 100, 1e-6);
  EXPECT_NEAR(to_milliseconds(r.finish - r.request.arrival), 136, 1e-6);
  EXPECT_NEAR(to_milliseconds(r.finish - r.first_token) / 9, 4.0, 1e-6);   // as `vllm bench` has TPOT
  EXPECT_NEAR(to_milliseconds(r.finish - r.first_token) / 10, 3.6, 1e-6);  // as this program has it
  EXPECT_THAT(run.seen.gaps, ElementsAre(std::pair<const std::int64_t, std::int64_t>(12'000'000, 3)));
  const SpeculationTotals& totals = run.outcome.replicas[0].speculation;
  EXPECT_EQ(totals.drafts, 3);
  EXPECT_EQ(totals.draft_tokens, 9);
  EXPECT_EQ(totals.accepted_tokens, 9) << "counted before the end of the answer is looked for";
  EXPECT_EQ(totals.dropped_tokens, 3);
  EXPECT_THAT(totals.accepted_at, ElementsAre(3, 3, 3));
}

TEST(GoldenSpeculation, S8AStepIsVerificationAndPasses) {
  Deployment d;
  d.level = CostLevel::affine;
  d.affine = {29.0 / 3 * 1e-3, 0, 1e-3 / 3, 0, 0.5e-3};
  const double base = to_seconds(make_cost_model(d)->step({{}, {1, 100, 0}}).total());
  d.draft.method = DraftMethod::eagle3;
  d.draft.tokens = d.draft.passes = 3;
  const double step = to_seconds(make_cost_model(d)->step({{}, {1, 100, 0, 3}}).total());
  EXPECT_NEAR(base, 10e-3, 1e-9);
  EXPECT_NEAR(step, 12.5e-3, 1e-9);
  EXPECT_NEAR(2.5 * base / step, 2.0, 1e-6);
}

// 20 ms for 128 rows, 38 ms to verify 3 drafts each, 2.4 ms to draft them.
TEST(GoldenSpeculation, S8AtALargeBatchShortAcceptanceLoses) {
  Deployment d;
  d.level = CostLevel::affine;
  d.affine = {14e-3, 0, 18e-3 / 384, 0, 0.8e-3};
  const double base = to_seconds(make_cost_model(d)->step({{}, {128, 12800, 0}}).total());
  d.draft.method = DraftMethod::eagle3;
  d.draft.tokens = d.draft.passes = 3;
  const double step = to_seconds(make_cost_model(d)->step({{}, {128, 12800, 0, 3 * 128}}).total());
  EXPECT_NEAR(base, 20e-3, 1e-9);
  EXPECT_NEAR(step / base, 2.02, 1e-6) << "the tokens a row must put out";
  EXPECT_NEAR(2.5 * base / step, 1.24, 0.005);
  EXPECT_NEAR(1.8 * base / step, 0.89, 0.005);
}

TEST(GoldenSpeculation, S9DraftsFollowTheRequestsOfAStep) {
  SpeculationConfig config;
  config.tokens = 3;
  config.by_batch = {{1, 3}, {8, 1}, {65, 0}};
  EXPECT_EQ(drafts_of_step(config, 1, 1), 3);
  EXPECT_EQ(drafts_of_step(config, 7, 1), 3);
  EXPECT_EQ(drafts_of_step(config, 8, 1), 1);
  EXPECT_EQ(drafts_of_step(config, 64, 1), 1);
  EXPECT_EQ(drafts_of_step(config, 65, 1), 0);
  // The prompt of an eighth request counts: the step after it verifies one draft a row.
  EngineConfig engine = drafting(3, {0, 0, 0});
  engine.speculation.by_batch = config.by_batch;
  std::vector<Prompt> prompts(7, Prompt{8, 50});
  prompts.push_back({8, 50, 0, 1.5});
  const Schedule run(engine, prompts);
  EXPECT_THAT(run.schedule(4), ElementsAre("8 8 8 8 8 8 8 | 0", "| 7+21 > 0", "8 | 7+21 > 0", "| 8+8 > 0"));
}

TEST(GoldenSpeculation, S10GraphsAreCapturedForWholeRows) {
  EXPECT_EQ(captured_size_of(15, 3, 512), 18);
  EXPECT_EQ(captured_size_of(20, 4, 512), 24);
  EXPECT_EQ(captured_size_of(36, 4, 512), 40);
  // 2 drafts: 3, 6, 9, 18, 24, 33, 42, 48, 57, 66 ... 498; beyond the largest nothing is padded.
  std::vector<std::int64_t> sizes;
  for (std::int64_t tokens = 1; tokens <= 66; ++tokens) {
    const std::int64_t size = captured_size_of(tokens, 3, 512);
    if (sizes.empty() || sizes.back() != size) sizes.push_back(size);
  }
  EXPECT_THAT(sizes, ElementsAre(3, 6, 9, 18, 24, 33, 42, 48, 57, 66));
  EXPECT_EQ(captured_size_of(498, 3, 512), 498);
  EXPECT_EQ(captured_size_of(513, 3, 512), 513);
}

TEST(GoldenSpeculation, S11APreemptedRequestLosesItsDraftsAndNobodyStalls) {
  EngineConfig engine = drafting(3, {.5, .5, .5});
  engine.num_gpu_blocks = 7;  // 6 usable: two requests of 30 + 40 tokens do not fit
  engine.max_model_len = 96;
  engine.max_num_batched_tokens = 6;  // the second row has two tokens left: one draft
  const Schedule run(engine, {{30, 40}, {30, 40}});
  EXPECT_EQ(run.outcome.finished, 2);
  EXPECT_GT(run.seen.by_index()[1].preemptions, 0);
}

TEST(GoldenSpeculation, AnAnswerOfOneTokenVerifiesNothing) {
  const Schedule run(all_accepted(3), {{8, 1}});
  EXPECT_THAT(run.schedule(9), ElementsAre("8 | 0"));
}

TEST(GoldenSpeculation, AtRateOneAndZeroStepsAreCountedByHand) {
  for (const std::int64_t tokens : {1, 3, 7}) {
    const Schedule all(all_accepted(tokens), {{8, 50}});
    EXPECT_EQ(all.seen.steps.size(), 1U + static_cast<std::size_t>((49 + tokens) / (1 + tokens)));
    const Schedule none(drafting(tokens, std::vector<double>(static_cast<std::size_t>(tokens), 0.0)), {{8, 50}});
    EXPECT_EQ(none.seen.steps.size(), 50U);
  }
}

TEST(GoldenSpeculation, S13ADraftersSlotsAreTakenForWhoIsInTheStep) {
  // vLLM from 0.28: A and B take 4 tokens and a slot each of 10, nothing is left for C and D.
  EngineConfig engine = all_accepted(3);
  engine.max_num_batched_tokens = 10;
  engine.speculation.slots_per_request = 1;
  const std::vector<Prompt> prompts(4, Prompt{1, 9});
  const Schedule run(engine, prompts);
  EXPECT_THAT(run.schedule(2), ElementsAre("1 1 1 1 | 0", "| 2+6 > 6"));
  // Until 0.27 a slot of every seat is out of the budget: 4 seats leave 6 of 10, a whole row and a half.
  engine.speculation.slots_per_request = 0;
  engine.speculation.reserved_tokens = 4;
  const Schedule before(engine, prompts);
  EXPECT_THAT(before.schedule(2), ElementsAre("1 1 1 1 | 0", "| 2+4 > 4"));
}

TEST(GoldenSpeculation, S13APromptLeavesRoomForItsSlots) {
  EngineConfig engine = all_accepted(3);
  engine.max_num_batched_tokens = 10;
  engine.speculation.slots_per_request = 2;  // as of three drafts in one pass
  // 10 take 8 tokens and 2 slots; the other two tokens are computed beside the 4 tokens of the next prompt.
  const Schedule run(engine, {{10, 1}, {4, 1}, {4, 1}});
  EXPECT_THAT(run.schedule(3), ElementsAre("8 | 0", "2+8 4 | 0", "4 | 0"));
}

// With async scheduling an end that hangs on accepted drafts is not foreseen: a row of 1 + 3 tokens follows in vain.
TEST(GoldenSpeculation, S12AnEndByDraftsIsNotForeseen) {
  EngineConfig engine = all_accepted(3);
  engine.async_scheduling = true;
  const Schedule run(engine, {{8, 5}, {8, 50}});
  EXPECT_THAT(run.schedule(4), ElementsAre("8 8 | 0", "| 2+6 > 6", "| 1+6 > 3", "| 1+3 > 3"));
}

}  // namespace
}  // namespace foretoken::test
