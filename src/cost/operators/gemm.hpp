// Dense matrix multiplication: every projection of the network.
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

struct Gemm {
  double m = 0;  // tokens
  double n = 0;  // output features on this device
  double k = 0;  // input features on this device
  WeightFormat format = WeightFormat::bf16;
  bool resident = false;  // operands may stay in L2: kernels timed back to back
};

[[nodiscard]] Work gemm_work(const Gemm& gemm, const Device& device);
[[nodiscard]] double gemm_datasheet(const Gemm& gemm, const Device& device);
[[nodiscard]] Estimate gemm_estimate(const Gemm& gemm, const ServedSet& set);

}  // namespace foretoken
