// A matrix product in 32 bits: the router of models that keep it so (src/cost/README.md, "Routers in 32 bits").
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

struct Float32Gemm {
  double m = 0, n = 0, k = 0;
  bool tf32 = false;  // tensor units multiply the upper 19 bits of the operands
};

[[nodiscard]] Work float32_gemm_work(const Float32Gemm& gemm);
[[nodiscard]] double float32_gemm_datasheet(const Float32Gemm& gemm, const Device& device);
[[nodiscard]] Estimate float32_gemm_estimate(const Float32Gemm& gemm, const Device& device);

}  // namespace foretoken
