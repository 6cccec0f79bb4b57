// Times of cuBLAS, with the conversion of activations from 16 bits (src/cost/README.md, "Routers in 32 bits").
#include "cost/operators/float32_gemm.hpp"

#include <algorithm>

namespace foretoken {
namespace {

constexpr double kFloatBytes = 4;

// FP32 lanes of an SM and their clock, of Hopper and Blackwell: 67 TFLOP/s on H100, 75 on B200.
constexpr double kLaneFlops = 128 * 2 * 1.98e9;
constexpr double kLaneEfficiency = 0.85;
constexpr double kTensorEfficiency = 0.2;  // of the TF32 peak, half of that in 16 bits

// A kernel for one row, one for few, and one with a chain of steps along k that more rows do not lengthen. Seconds a
// step: M = 1, 8 and 16, 32 to 128 of 256 x 6144 (vllm pull request 47973, on GB200).
struct Chain {
  double one_row, few_rows, rows;
};
constexpr double kFewRows = 16;
constexpr Chain kFloat32 = {7.5e-6 / 6144, 19.7e-6 / 6144, 63e-6 / 6144};
constexpr Chain kTf32 = {10.9e-6 / 6144, 12e-6 / 6144, 19.5e-6 / 6144};

double peak_of(const Float32Gemm& g, const Device& d) {
  return g.tf32 ? d.flops_bf16 / 2 * kTensorEfficiency : d.compute_units * kLaneFlops * kLaneEfficiency;
}

}  // namespace

Work float32_gemm_work(const Float32Gemm& g) {
  return {2 * g.m * g.n * g.k, kFloatBytes * (g.n * g.k + g.m * g.k + g.m * g.n)};
}

double float32_gemm_datasheet(const Float32Gemm& g, const Device& device) {
  return datasheet_seconds(float32_gemm_work(g), device.flops_bf16 / 2, device.bandwidth);
}

Estimate float32_gemm_estimate(const Float32Gemm& g, const Device& device) {
  const Chain& chain = g.tf32 ? kTf32 : kFloat32;
  const double step = g.m <= 1 ? chain.one_row : g.m <= kFewRows ? chain.few_rows : chain.rows;
  const Work work = float32_gemm_work(g);
  const double compute = g.m <= kFewRows || !(device.compute_units > 0) ? 0 : work.flops / peak_of(g, device);
  const double memory = work.bytes / device.bandwidth;
  return {g.k * step, std::max(compute, memory), compute > memory ? TimePart::compute : TimePart::memory};
}

}  // namespace foretoken
