// Runs of decode steps in closed form, by batch and number of steps.
#include <benchmark/benchmark.h>

#include "bench/workloads.hpp"

namespace foretoken::bench {
namespace {

DecodeShape batch_of(std::int64_t sequences) {
  DecodeShape shape;
  shape.sequences = sequences;
  shape.context = 640 * sequences;
  return shape;
}

void stretch(benchmark::State& state) {
  const auto cost = make_cost_model(workload("w1.yaml").deployment);
  const DecodeShape first = batch_of(state.range(0));
  const DecodeCurve& curve = cost->decode(first.sequences);
  const std::int64_t steps = state.range(1);
  for (auto _ : state) {
    const DecodeRun run(curve, first, {first.sequences}, {});
    benchmark::DoNotOptimize(run.elapsed(steps));
    benchmark::DoNotOptimize(run.parts(steps));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(stretch)->ArgsProduct({{1, 32, 256}, {1, 16, 256, 4096}});

// Where an arrival cuts it.
void cut_of_a_stretch(benchmark::State& state) {
  const auto cost = make_cost_model(workload("w1.yaml").deployment);
  const DecodeShape first = batch_of(state.range(0));
  const DecodeCurve& curve = cost->decode(first.sequences);
  const FineDuration reach = DecodeRun(curve, first, {first.sequences}, {}).elapsed(state.range(1));
  for (auto _ : state) {
    const DecodeRun run(curve, first, {first.sequences}, {});
    benchmark::DoNotOptimize(run.steps_to_reach(reach));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(cut_of_a_stretch)->ArgsProduct({{1, 32, 256}, {1, 16, 256, 4096}});

// The first stretch of a batch size builds its curve.
void curve_of_a_batch_size(benchmark::State& state) {
  const Deployment deployment = workload("w1.yaml").deployment;
  for (auto _ : state) {
    const auto cost = make_cost_model(deployment);
    benchmark::DoNotOptimize(cost->decode(state.range(0)).at(batch_of(state.range(0))));
  }
}
BENCHMARK(curve_of_a_batch_size)->Arg(1)->Arg(256);

}  // namespace
}  // namespace foretoken::bench
