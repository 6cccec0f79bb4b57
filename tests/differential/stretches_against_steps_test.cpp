// INV-11: runs of decode steps taken at once give the same bytes as one step at a time.
#include <gtest/gtest.h>

#include "support/how_many.hpp"
#include "support/random_run.hpp"
#include "support/random_tiers.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

struct Seen {
  std::string text;
  std::size_t spans = 0;
  std::int64_t encoder_hits = 0;
  std::int64_t joined = 0;  // prompts whose requests decode on in one span with the step that completes them
  std::int64_t prompt_tokens = 0;
  bool is_stopped = false;
};

Seen run_with(const RandomRun& run, bool step_by_step, KvTierTotals* moved = nullptr) {
  SimulationConfig config = run.config;
  config.step_by_step = step_by_step;
  const StubCost cost(run.cost);
  const auto source = run.source();
  Recorder recorder;
  const SimulationOutcome outcome = simulate(config, *source, cost, recorder);
  Seen seen{recorder.text(outcome), recorder.steps.size(), 0, recorder.joined, 0, outcome.unfinished > 0};
  for (const Recorder::Step& step : recorder.steps) {
    for (const PrefillChunk& chunk : step.prefill) seen.prompt_tokens += chunk.new_tokens;
  }
  for (const ReplicaTotals& t : outcome.replicas) {
    if (moved != nullptr) *moved += t.kv_tiers;
    seen.encoder_hits += t.encoder.hits;
  }
  return seen;
}

TEST(StretchesAgainstSteps, EveryOutputOfRandomScenariosIsTheSame) {
  std::size_t stretched = 0;
  std::size_t single = 0;
  const int scenarios = how_many_scenarios(2000);
  for (int seed = 0; seed < scenarios; ++seed) {
    const RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    const Seen fast = run_with(run, false);
    const Seen oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    stretched += fast.spans;
    single += oracle.spans;
  }
  std::cout << scenarios << " scenarios: " << single << " steps in " << stretched << " spans\n";
  EXPECT_LT(2 * stretched, single) << "stretches did not happen";
}

// Prompts that are seldom in each other's way, as in most runs of users: they decode on with the step that completes
// them, and who comes meanwhile, or has waited too long, ends that early or late.
bool lighten(RandomRun& run, int seed) {
  EngineConfig& engine = run.config.engine;
  if (run.loop || engine.name != "vllm-v1") return false;
  engine.data_parallel_size = 1;
  engine.long_prefill_token_threshold = 0;
  engine.enable_chunked_prefill = true;
  engine.max_num_batched_tokens = seed % 5 == 0 ? 200 : 1000;
  engine.max_num_seqs = seed % 7 == 0 ? 6 : 64;
  engine.num_gpu_blocks *= seed % 3 == 0 ? 1 : 20;
  for (Request& r : run.requests) r.arrival = TimePoint{r.arrival.time_since_epoch() / (1 + seed % 4)};
  return true;
}

TEST(StretchesAgainstSteps, EveryOutputUnderALightLoadIsTheSame) {
  std::int64_t joined = 0, requests = 0;
  for (int seed = 0; seed < how_many_scenarios(500); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (!lighten(run, seed)) continue;
    const Seen fast = run_with(run, false);
    const Seen oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    joined += fast.joined;
    requests += static_cast<std::int64_t>(run.requests.size());
  }
  std::cout << joined << " of " << requests << " prompts lead a stretch\n";
  EXPECT_GT(10 * joined, requests);
}

// A stretch that a stop cuts off is not told of, but every prompt that was computed is.
TEST(StretchesAgainstSteps, AStopLosesNoPrompt) {
  int stopped = 0;
  for (int seed = 0; seed < how_many_scenarios(500); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (!lighten(run, seed)) continue;
    run.config.max_requests_in_system = 2 + seed % 6;
    const Seen fast = run_with(run, false);
    const Seen oracle = run_with(run, true);
    ASSERT_EQ(fast.prompt_tokens, oracle.prompt_tokens) << "seed " << seed;
    stopped += fast.is_stopped ? 1 : 0;
  }
  EXPECT_GT(stopped, 0);
}

// What the encoder computes hangs on what it has kept, which stretches must not change.
TEST(StretchesAgainstSteps, EveryOutputWithImagesIsTheSame) {
  int with_images = 0;
  std::int64_t hits = 0;
  for (int seed = 0; seed < how_many_scenarios(500); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (!bring_images(run)) continue;
    const Seen fast = run_with(run, false);
    const Seen oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    ++with_images;
    hits += fast.encoder_hits;
  }
  EXPECT_GT(with_images, 0);
  EXPECT_GT(hits, 0);
}

// Steps that verify drafts come one at a time either way; what they draw must not hang on who asks.
TEST(StretchesAgainstSteps, EveryOutputWithDraftsIsTheSame) {
  int drafted = 0;
  for (int seed = 0; seed < how_many_scenarios(500); ++seed) {
    RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    if (!speculate(run)) continue;
    const Seen fast = run_with(run, false);
    const Seen oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    ++drafted;
  }
  EXPECT_GT(drafted, 0);
}

// Loads end and copies wait in the midst of stretches.
TEST(StretchesAgainstSteps, EveryOutputWithKvTiersIsTheSame) {
  std::size_t stretched = 0, single = 0;
  KvTierTotals moved;
  for (int seed = 0; seed < how_many_scenarios(600); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (!add_tiers(run)) continue;
    const Seen fast = run_with(run, false, &moved);
    const Seen oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    stretched += fast.spans;
    single += oracle.spans;
  }
  EXPECT_LT(3 * stretched, 2 * single) << "stretches did not happen";
  EXPECT_GT(moved.loads, 100);
  EXPECT_GT(moved.hits[1], 0) << "nothing came from disk";
  EXPECT_GT(moved.step_time, 0);
}

}  // namespace
}  // namespace foretoken::test
