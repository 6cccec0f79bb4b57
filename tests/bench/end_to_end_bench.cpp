// Metrics alone, and whole simulations of 10,000 requests.
#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "bench/workloads.hpp"
#include "foretoken/base/statistics.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken::bench {
namespace {

std::vector<Duration> values(std::int64_t count) {
  RandomStream random(0, "values");
  std::vector<Duration> drawn;
  for (std::int64_t i = 0; i < count; ++i) drawn.emplace_back(random.uniform_int(1'000'000, 1'000'000'000));
  return drawn;
}

void distribution_add(benchmark::State& state, std::int64_t already) {
  Distribution filled;
  for (const Duration value : values(already)) filled.add(value);
  const std::vector<Duration> more = values(10'000);
  for (auto _ : state) {
    state.PauseTiming();
    Distribution distribution = filled;
    state.ResumeTiming();
    for (const Duration value : more) distribution.add(value);
    benchmark::DoNotOptimize(distribution.count());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(more.size()));
}
BENCHMARK_CAPTURE(distribution_add, exact, 0);
BENCHMARK_CAPTURE(distribution_add, sketch, Distribution::kExactLimit + 1);

// The inter-token gaps of a stretch of that many steps.
void distribution_add_ramp(benchmark::State& state) {
  Distribution distribution;
  for (const Duration value : values(Distribution::kExactLimit + 1)) distribution.add(value);
  for (auto _ : state) {
    distribution.add_ramp(fine_from_seconds(7e-3), fine_from_seconds(40e-9), state.range(0), 64);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(distribution_add_ramp)->Arg(1)->Arg(16)->Arg(256)->Arg(4096);

void simulation_without_metrics(benchmark::State& state, const char* file) {
  const Scenario scenario = workload(file);
  for (auto _ : state) {
    const auto cost = make_cost_model(scenario.deployment);
    benchmark::DoNotOptimize(simulate_unwatched(scenario, *cost).finished);
  }
  state.SetItemsProcessed(state.iterations() * scenario.workload.num_prompts.value());
}
void run_with_metrics(benchmark::State& state, const char* file) {
  const Scenario scenario = workload(file);
  RunOptions options;
  options.threads = 1;
  for (auto _ : state) benchmark::DoNotOptimize(run_scenario(scenario, options).value().summary);
  state.SetItemsProcessed(state.iterations() * scenario.workload.num_prompts.value());
}
BENCHMARK_CAPTURE(simulation_without_metrics, w1, "w1.yaml")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(simulation_without_metrics, w4, "w4.yaml")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_with_metrics, w1, "w1.yaml")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run_with_metrics, w4, "w4.yaml")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace foretoken::bench
