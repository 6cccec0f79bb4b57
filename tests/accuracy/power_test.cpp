// The power of GPUs that serve chats with vLLM, as measured (ml-energy/leaderboard 0cd52da, lmarena and gpqa): what the
// rule says with the bandwidth and FLOPs of each row, and with those of the cost model's own steps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/catalog.hpp"

namespace foretoken::test {
namespace {

struct PowerRow {
  const char* gpu;
  const char* model;
  int tensor;
  std::int64_t batch;
  double step_ms;          // of a token, prefill included
  double memory, compute;  // shares of the datasheet's, by the model's shape
  double watts;
  double busy = 1;     // of the step
  bool fitted = true;  // chats; the others were held out
};
constexpr PowerRow kRows[] = {
    {"h100_sxm", "Llama-3.1-8B", 1, 8, 7.5, .66, .024, 486},
    {"h100_sxm", "Llama-3.1-8B", 1, 64, 12.4, .46, .115, 610},
    {"h100_sxm", "Llama-3.1-8B", 1, 128, 18.1, .36, .157, 669},
    {"h100_sxm", "Qwen3-14B", 1, 8, 12.7, .71, .023, 443},
    {"h100_sxm", "Qwen3-14B", 1, 64, 20.3, .50, .117, 525},
    {"h100_sxm", "Qwen3-14B", 1, 253, 44.0, .33, .213, 645},
    {"h100_sxm", "Qwen3-32B", 2, 8, 15.3, .65, .021, 425},
    {"h100_sxm", "Qwen3-32B", 2, 256, 49.6, .29, .211, 589},
    {"h100_sxm", "Llama-3.1-70B", 4, 8, 17.0, .62, .024, 441},
    {"h100_sxm", "Llama-3.1-70B", 4, 128, 32.9, .35, .196, 546},
    {"h100_sxm", "Qwen3-235B-A22B", 8, 8, 20.6, .56, .003, 354},
    {"h100_sxm", "Qwen3-235B-A22B", 8, 64, 41.3, .52, .010, 463},
    {"b200_sxm", "Llama-3.1-8B", 1, 8, 4.9, .44, .016, 639},
    {"b200_sxm", "Qwen3-14B", 1, 8, 7.3, .54, .018, 760},
    {"b200_sxm", "Qwen3-14B", 1, 256, 23.9, .27, .174, 955},
    {"b200_sxm", "Llama-3.1-70B", 2, 64, 24.5, .39, .117, 905},
    // Bound by the host: busy is the step that the GPU alone would take over the one measured.
    {"b200_sxm", "Qwen3-8B", 1, 8, 31.9, .09, .002, 294, 5.3 / 31.9, false},
    {"b200_sxm", "Qwen3-32B", 1, 8, 44.5, .22, .005, 423, 14.3 / 44.5, false}};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct PowerErrors {
  std::vector<double> fitted, other;
  void add(const PowerRow& row, double watts, const char* what) {
    const double error = watts / row.watts - 1;
    (row.fitted ? fitted : other).push_back(std::abs(error));
    std::cout << fmt::format("{:9} {:16} batch {:4}: {:4.0f} W measured, {:4.0f} W {} ({:+.0f} %)\n", row.gpu,
                             row.model, row.batch, row.watts, watts, what, error * 100);
  }
};

double watts_of(const GpuSpec& gpu, const DeviceLoad& load) {
  return mean_watts(power_terms(gpu), gpu.tdp->value, gpu.idle_power ? gpu.idle_power->value : 0.1 * gpu.tdp->value, 0,
                    load);
}

TEST(PowerAccuracy, WithTheRowsOwnLoads) {
  const Catalog catalog;
  PowerErrors errors;
  for (const PowerRow& row : kRows)
    errors.add(row, watts_of(catalog.gpu(row.gpu).value(), {row.busy, row.memory, row.compute}), "by its load");
  EXPECT_LE(median(errors.fitted), 0.08);
  EXPECT_LE(median(errors.other), 0.12) << "host-bound rows: busy is an estimate";
}

// A chat's decode steps at a context of 700 tokens, bytes and FLOPs of the cost model over the measured time of a step.
TEST(PowerAccuracy, WithTheCostModelsLoads) {
  const Catalog catalog;
  PowerErrors errors;
  for (const PowerRow& row : kRows) {
    Deployment d;
    d.gpu = catalog.gpu(row.gpu).value();
    d.model = catalog.model(row.model).value();
    d.parallelism.tensor = row.tensor;
    d.parallelism.expert_parallel = d.model.moe.experts > 0;
    d.calibration = catalog.calibration().value();
    d.level = CostLevel::calibrated;
    const StepTime step = make_cost_model(d)->decode(row.batch).at({row.batch, row.batch * 700, 0});
    const double seconds = row.step_ms * 1e-3;
    const DeviceLoad load{row.busy, static_cast<double>(step.bytes) / (seconds * d.gpu.memory_bandwidth->value),
                          static_cast<double>(step.flops) / (seconds * d.gpu.peak_bf16.value)};
    errors.add(row, watts_of(d.gpu, load), "by the cost model");
  }
  EXPECT_LE(median(errors.fitted), 0.12);
}

}  // namespace
}  // namespace foretoken::test
