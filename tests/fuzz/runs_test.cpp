// Whatever scenario is accepted runs to an answer whose figures are possible, however absurd its own are.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "fuzz/case.hpp"
#include "report/request_rows.hpp"

namespace foretoken {
namespace {

using namespace foretoken::fuzz;

constexpr const char* kRunScenario = R"(
model: {name: m, hidden_size: 1024, num_hidden_layers: 16, vocab_size: 32000, max_position_embeddings: 8192,
  attention: {kind: gqa, num_attention_heads: 16, num_key_value_heads: 8, head_dim: 64, full_attention_layers: 16},
  mlp: {intermediate_size: 4096, matrices: 3}}
hardware: {gpu: {name: g, vendor: NVIDIA, architecture: Blackwell, compute_units: 36,
  peak_dense: {bf16: 47.4 TFLOP/s}, memory: {capacity: 16 GiB, bandwidth: 448 GB/s, l2_cache: 32 MB}}}
engine: {name: vllm-v1}
workload: {random_input_len: 64, random_output_len: 16, num_prompts: 30, request_rate: 20, random_range_ratio: 0.5}
prices: {gpu_hour: 2}
)";

// What moves the arithmetic: figures from far too small to far too large, and what engines and loads can be.
std::vector<std::string> some_overrides(RandomStream& random) {
  const std::vector<std::string> magnitudes{"1e-6", "1e-3", "0.01", "0.5", "1", "3", "40", "1e3", "1e6", "1e9"};
  const auto quantity = [&](const char* unit) { return one_of(random, magnitudes) + " " + unit; };
  const std::vector<std::function<std::string()>> ways{
      [&] { return "hardware.gpu.peak_dense.bf16=" + quantity("TFLOP/s"); },
      [&] { return "hardware.gpu.memory.bandwidth=" + quantity("GB/s"); },
      [&] { return "hardware.gpu.memory.l2_cache=" + quantity("MB"); },
      [&] {
        return "hardware.gpu.compute_units=" + one_of(random, {"1", "36", "100000"});
      },
      [&] {
        return "cost.level=" + one_of(random, {"datasheet", "roofline", "calibrated"});
      },
      [&] { return "cost.scale=" + one_of(random, magnitudes); },
      [&] { return "cost.per_step=" + quantity("s"); },
      [&] { return "cost.per_layer=" + quantity("s"); },
      [&] { return "cost.per_sequence=" + quantity("s"); },
      [&] { return "cost.per_request=" + quantity("s"); },
      [&] { return "cost.memory_efficiency_scale=" + one_of(random, magnitudes); },
      [&] {
        return "engine.name=" + one_of(random, {"vllm-v0", "sglang", "tensorrt-llm", "orca", "sarathi", "static"});
      },
      [&] {
        return "engine.async_scheduling=" + one_of(random, {"true", "false"});
      },
      [&] {
        return "engine.max_num_seqs=" + one_of(random, {"1", "2", "7", "1000000"});
      },
      [&] {
        return "engine.max_num_batched_tokens=" + one_of(random, {"64", "200", "8192", "1000000"});
      },
      [&] {
        return "engine.num_gpu_blocks_override=" + one_of(random, {"20", "600", "100000000"});
      },
      [&] {
        return "engine.block_size=" + one_of(random, {"1", "16", "128"});
      },
      [&] {
        return "engine.enable_prefix_caching=" + one_of(random, {"true", "false"});
      },
      [&] {
        return "engine.pipeline_parallel_size=" + one_of(random, {"2", "4", "16"});
      },
      [&] {
        return "engine.tensor_parallel_size=" + one_of(random, {"2", "8"});
      },
      [&] { return "engine.queue_timeout=" + quantity("s"); },
      [&] {
        return "workload.random_input_len=" + one_of(random, {"1", "500", "4000"});
      },
      [&] {
        return "workload.random_output_len=" + one_of(random, {"1", "2", "300", "4000"});
      },
      [&] {
        return "workload.request_rate=" + one_of(random, {"inf", "1e-6", "0.1", "1e9"});
      },
      [&] {
        return "workload.burstiness=" + one_of(random, {"0.01", "inf", "1e6"});
      },
      [&] {
        return "workload.max_concurrency=" + one_of(random, {"1", "5", "1000000"});
      },
      [&] { return "workload.think_time=" + quantity("s"); },
      [&] {
        return "replicas=" + one_of(random, {"2", "3", "50"});
      },
      [&] {
        return "router=" + one_of(random, {"round_robin", "least_outstanding"});
      },
      [&] {
        return "replications=" + one_of(random, {"2", "3"});
      },
      [&] {
        return "seed=" + one_of(random, {"0", "1", "18446744073709551615"});
      }};
  std::vector<std::string> overrides;
  for (std::size_t n = 1 + below(random, 5); n > 0; --n) overrides.push_back(ways[below(random, ways.size())]());
  return overrides;
}

void expect_possible(const RequestRecord& r) {
  if (r.outcome != Outcome::finished) return;
  EXPECT_LE(r.request.arrival, r.scheduled);
  EXPECT_LE(r.scheduled, r.first_token);
  EXPECT_LE(r.first_token, r.finish);
  Duration ttft{}, e2e{};
  for (int i = 0; i < kAttributionParts; ++i) {
    EXPECT_GE(r.ttft_parts[static_cast<std::size_t>(i)], Duration{}) << to_string(static_cast<AttributionPart>(i));
    EXPECT_GE(r.e2e_parts[static_cast<std::size_t>(i)], Duration{}) << to_string(static_cast<AttributionPart>(i));
    ttft += r.ttft_parts[static_cast<std::size_t>(i)];
    e2e += r.e2e_parts[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(ttft, r.first_token - r.request.arrival);
  EXPECT_EQ(e2e, r.finish - r.request.arrival);
  EXPECT_EQ(request_csv_row(0, r, "", TpotConvention::vllm).find(".-"), std::string::npos);
}

// Nothing is faster than the datasheet; sums of doubles over the same intervals agree to rounding.
void expect_possible(const Summary& summary) {
  constexpr double kRounding = 1 + 1e-9;
  for (const SummaryEntry& e : summary.entries) {
    if (std::isnan(e.value)) continue;
    EXPECT_GE(e.value, e.key == "example_price" ? 0 : -1e-9) << e.key;
    const bool share = e.key == "engine_busy" || e.key == "mfu" || e.key == "mbu" || e.key == "kv_cache_usage_perc";
    EXPECT_TRUE(!share || e.value <= kRounding) << e.key << " " << e.value;
  }
}

TEST(Fuzz, AcceptedScenariosGivePossibleFigures) {
  std::int64_t ran = 0, cases = 0;
  run_cases("run", 400, [&](RandomStream& random) {
    ++cases;
    LoadOptions options;
    options.overrides = some_overrides(random);
    SCOPED_TRACE(fmt::format("{}", fmt::join(options.overrides, " ")));
    const Result<Scenario> scenario = parse_scenario(kRunScenario, "run.yaml", options);
    if (!scenario) return expect_well_said(scenario.error());
    RunOptions run;
    run.threads = 1;
    run.model_band = run.attribution_groups = true;
    run.on_request = [](int, const RequestRecord& r) { expect_possible(r); };
    const Result<RunResult> result = run_scenario(*scenario, run);
    if (!result) return expect_well_said(result.error());
    expect_possible(result->summary);
    EXPECT_FALSE(to_text(*result, {}).empty());
    EXPECT_FALSE(to_text(to_json(*result)).empty());
    EXPECT_FALSE(to_text(to_vllm_json(*result)).empty());
    if (result->feasible) ++ran;
  });
  EXPECT_TRUE(cases < 100 || ran > cases / 3) << ran << " of " << cases << " are accepted and fit";
}

TEST(Fuzz, StretchesAndStepsAgreeOnAbsurdFigures) {
  run_cases("run", 150, [](RandomStream& random) {
    LoadOptions options;
    options.overrides = some_overrides(random);
    SCOPED_TRACE(fmt::format("{}", fmt::join(options.overrides, " ")));
    const Result<Scenario> scenario = parse_scenario(kRunScenario, "run.yaml", options);
    if (!scenario || scenario->cluster.replicas > 1) return;  // where a run ends early, others stand within a stretch
    std::string rows[2];
    for (const bool by_step : {false, true}) {
      RunOptions run;
      run.threads = 1;
      run.step_by_step = by_step;
      run.on_request = [&](int replication, const RequestRecord& r) {
        rows[by_step ? 1 : 0] += request_csv_row(replication, r, "", TpotConvention::per_output_token);
      };
      ASSERT_TRUE(run_scenario(*scenario, run));
    }
    EXPECT_EQ(rows[0], rows[1]);
  });
}

}  // namespace
}  // namespace foretoken
