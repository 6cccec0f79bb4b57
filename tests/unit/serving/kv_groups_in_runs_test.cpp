// Blocks of groups of layers in runs: held as the layout says, given back, and found again.
#include <gtest/gtest.h>

#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

Request of_tokens(std::int64_t index, std::int64_t arrival_ms, std::int32_t prompt, std::int32_t output) {
  Request r;
  r.index = index;
  r.arrival = TimePoint{Duration{arrival_ms * 1'000'000}};
  r.prompt_tokens = prompt;
  r.output_tokens = r.max_tokens = output;
  return r;
}

struct WithWindow {
  SimulationConfig config;
  StubTerms terms{0.01};

  WithWindow() {
    terms.window = 128;
    terms.per_windowed = 1e-9;
    EngineConfig& engine = config.engine;
    engine.max_model_len = 20'000;
    engine.max_num_batched_tokens = 2048;
    engine.num_gpu_blocks = 5000;
    engine.kv_layout = {12, 1, 1, 128, 0};
  }
  Recorder run(std::vector<Request> requests, PrefixTable prefixes = {}) {
    const StubCost cost(terms);
    Recorder seen;
    outcome = simulate(config, *make_fixed_source(std::move(requests), std::move(prefixes)), cost, seen);
    return seen;
  }
  SimulationOutcome outcome;
};

TEST(KvGroupsInRuns, ADecodingRequestHoldsWhatItsLayersNeed) {
  WithWindow model;
  model.config.every_step = true;
  const Recorder seen = model.run({of_tokens(0, 0, 5000, 300)});
  const KvLayout& layout = model.config.engine.kv_layout;
  std::int64_t computed = 0, decodes = 0;
  for (const Recorder::Step& step : seen.steps) {
    const std::int64_t tokens = step.prefill.empty() ? 1 : step.prefill.front().new_tokens;
    EXPECT_EQ(step.kv_blocks_used, layout.blocks(computed + tokens, computed, 16)) << computed;
    decodes += step.decode_rows;
    computed += tokens;
  }
  EXPECT_EQ(decodes, 299);
  EXPECT_EQ(model.outcome.replicas[0].kv_blocks_at_end, 0);
  EXPECT_LT(seen.steps.back().kv_blocks_used, 5300 / 16 + 11) << "not twice 332";
}

// Rows of four tokens, with blocks for three more that the drafter writes: what leaves the window by what was accepted
// goes, what rejected drafts had stays until it is used.
TEST(KvGroupsInRuns, ARowOfDraftsHoldsTheWindowAndWhatItMayReach) {
  WithWindow model;
  model.config.every_step = true;
  SpeculationConfig& spec = model.config.engine.speculation;
  spec.tokens = spec.lookahead = 3;
  spec.acceptance = {{{0.8, 0.6, 0.4}, 0}};
  const Recorder seen = model.run({of_tokens(0, 0, 1000, 400)});
  const KvLayout& layout = model.config.engine.kv_layout;
  std::int64_t computed = 0, accepted = 0;
  for (const Recorder::Step& step : seen.steps) {
    const std::int64_t tokens = step.prefill.empty() ? 1 : step.prefill.front().new_tokens;
    const std::int64_t most = computed + tokens + (step.prefill.empty() ? 6 : 3);
    EXPECT_GE(step.kv_blocks_used, layout.blocks(computed + tokens, computed, 16)) << computed;
    EXPECT_LE(step.kv_blocks_used, layout.blocks(most, computed, 16)) << computed;
    computed += tokens + step.accepted;
    accepted += step.accepted;
  }
  EXPECT_GT(accepted, 200);
  EXPECT_EQ(model.outcome.replicas[0].kv_blocks_at_end, 0);
  EXPECT_LT(seen.steps.back().kv_blocks_used, 1406 / 16 + 12) << "not twice 88";
}

// Two of 1,000 blocks each if all layers kept everything; here 510.
TEST(KvGroupsInRuns, TwiceAsManyRequestsFit) {
  for (const bool groups : {false, true}) {
    WithWindow model;
    EngineConfig& engine = model.config.engine;
    if (!groups) engine.kv_layout = {};
    engine.enable_chunked_prefill = true;
    engine.num_gpu_blocks = 1 + (groups ? 2200 : 1100);  // the same memory: a block of one group is half as large
    std::vector<Request> requests;
    for (int i = 0; i < 4; ++i) requests.push_back(of_tokens(i, 0, 8000, 150));
    const Recorder seen = model.run(requests);
    EXPECT_EQ(model.outcome.finished, 4);
    EXPECT_EQ(model.outcome.replicas[0].peak_running, groups ? 4 : 2);
  }
}

// The end of a prefix must be in the window's blocks too: what decoding has pushed out is not found.
TEST(KvGroupsInRuns, APrefixIsFoundUpToWhereTheWindowIsThereToo) {
  WithWindow model;
  model.config.engine.enable_prefix_caching = true;
  const std::int64_t first[] = {1, 2}, second[] = {1, 3};
  PrefixTable prefixes;
  prefixes.add_row(first, 2000);
  prefixes.add_row(second, 2000);
  Request one = of_tokens(0, 0, 4100, 2), same = of_tokens(1, 5000, 4100, 2), other = of_tokens(2, 10'000, 4100, 2);
  one.prefix_row = same.prefix_row = 0;
  other.prefix_row = 1;
  const Recorder seen = model.run({one, same, other}, prefixes);
  EXPECT_EQ(seen.by_index()[0].cached_tokens, 0);
  EXPECT_EQ(seen.by_index()[1].cached_tokens, 4000) << "all that the row describes";
  // Of the 2,000 tokens in common the window's blocks have been let go of, but nobody has taken them since.
  EXPECT_EQ(seen.by_index()[2].cached_tokens, 2000);
  EXPECT_EQ(model.outcome.replicas[0].kv_blocks_at_end, 0);
}

TEST(KvGroupsInRuns, StatesAreHeldFromAdmissionToTheEnd) {
  WithWindow model;
  model.terms.window = 0;
  model.config.engine.kv_layout = {12, 1, 0, 0, 3};
  model.config.every_step = true;
  const Recorder seen = model.run({of_tokens(0, 0, 100, 20)});
  for (const Recorder::Step& step : seen.steps) EXPECT_GE(step.kv_blocks_used, 7 + 3);
  EXPECT_EQ(seen.steps.back().kv_blocks_used, blocks_for(119, 16) + 3);
}

}  // namespace
}  // namespace foretoken::test
