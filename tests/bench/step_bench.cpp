// One engine step: planned, priced, settled; by what is in it.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/workloads.hpp"

namespace foretoken::bench {
namespace {

// A full batch decodes for 2,000 steps, each taken by itself. Prompts are short, so that decode steps dominate.
void decode_step(benchmark::State& state) {
  const Scenario scenario =
      workload("w1.yaml", {"workload.request_rate=inf", "workload.random_input_len=16",
                           "workload.random_output_len=2000", fmt::format("workload.num_prompts={}", state.range(0))});
  const auto cost = make_cost_model(scenario.deployment);
  std::int64_t steps = 0;
  for (auto _ : state) steps += simulate_unwatched(scenario, *cost, true).replicas.front().steps;
  state.SetItemsProcessed(steps);
}
BENCHMARK(decode_step)->RangeMultiplier(4)->Range(1, 256)->Unit(benchmark::kMillisecond);

// Requests of one output token: every step is a prefill. Items are steps.
void prefill_step(benchmark::State& state) {
  const Scenario scenario = workload("w1.yaml", {"workload.request_rate=inf", "workload.random_output_len=1",
                                                 fmt::format("workload.random_input_len={}", state.range(0))});
  const auto cost = make_cost_model(scenario.deployment);
  std::int64_t steps = 0;
  for (auto _ : state) steps += simulate_unwatched(scenario, *cost).replicas.front().steps;
  state.SetItemsProcessed(steps);
}
BENCHMARK(prefill_step)->Arg(2048)->Arg(512)->Arg(128)->Unit(benchmark::kMillisecond);

void price_of_a_mixed_step(benchmark::State& state) {
  const auto cost = make_cost_model(workload("w1.yaml").deployment);
  DecodeShape decode;
  decode.sequences = state.range(0);
  decode.context = 640 * state.range(0);
  const std::vector<PrefillChunk> chunks(static_cast<std::size_t>(state.range(1)), {512, 0, true});
  for (auto _ : state) benchmark::DoNotOptimize(cost->step({chunks, decode}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(price_of_a_mixed_step)->ArgsProduct({{1, 32, 256}, {1, 3}});

}  // namespace
}  // namespace foretoken::bench
