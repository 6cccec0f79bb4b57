// The vLLM V1 policy on aggregated batches against a literal transcription of its rules.
#include <gtest/gtest.h>

#include "support/how_many.hpp"
#include "support/random_run.hpp"
#include "support/recorder.hpp"
#include "support/reference_vllm.hpp"

namespace foretoken::test {
namespace {

TEST(VllmAgainstReference, EveryRequestIsScheduledEmitsAndFinishesAtTheSameInstant) {
  int compared = 0;
  int preemptions = 0;
  int hits = 0;
  const int scenarios = how_many_scenarios(1500);
  for (int seed = 0; seed < scenarios; ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (run.loop || run.config.engine.name != "vllm-v1") continue;
    run.config.cluster.replicas = 1;
    run.config.engine.data_parallel_size = 1;
    // Evictions with a token in flight: see the head of vllm_v1.cpp.
    if (run.config.engine.async_scheduling) run.config.engine.version = "0.23";
    run.config.engine.queue_timeout = Duration{};  // the reference has no time-outs and refuses nothing
    run.config.engine.max_waiting_requests = 0;
    run.config.cluster.routing.max_ttft = Duration{};
    for (Request& r : run.requests) {
      r.prompt_tokens =
          std::min<std::int32_t>(r.prompt_tokens, static_cast<std::int32_t>(run.config.engine.max_model_len) - 1);
      const std::int32_t room = static_cast<std::int32_t>(run.config.engine.max_model_len) - r.prompt_tokens;
      r.output_tokens = std::min(r.output_tokens, room);
      r.max_tokens = std::min(r.max_tokens, room);
    }
    const StubCost cost(run.cost);
    Recorder recorder;
    const auto source = run.source();
    const SimulationOutcome outcome = simulate(run.config, *source, cost, recorder);
    ASSERT_EQ(outcome.rejected, 0) << "seed " << seed;
    auto expected = ReferenceVllm(run.config.engine, cost, run.requests, &run.prefixes).run();
    ASSERT_EQ(expected.size(), recorder.records.size()) << "seed " << seed;
    for (const RequestRecord& r : recorder.records) {
      const ReferenceTimes seen{r.scheduled, r.first_token, r.finish, r.preemptions, r.cached_tokens};
      ASSERT_EQ(seen, expected[r.request.index]) << "seed " << seed << " request " << r.request.index;
      preemptions += r.preemptions;
      hits += r.cached_tokens > 0 ? 1 : 0;
    }
    ++compared;
  }
  std::cout << compared << " scenarios, " << preemptions << " preemptions, " << hits
            << " requests with a cached prefix\n";
  EXPECT_GT(compared, scenarios / 3);
  EXPECT_GT(preemptions, compared / 2);
  EXPECT_GT(hits, compared);
}

}  // namespace
}  // namespace foretoken::test
