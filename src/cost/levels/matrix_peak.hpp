// The peak that a deployment's matrix products could reach.
#pragma once

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

// Dense, of one device in the format of its dense projections, FLOP/s; 16 bits where the device has no other.
[[nodiscard]] inline double matrix_peak(const Deployment& d) {
  ComputeRate peak = d.gpu.peak_bf16;
  switch (d.dense_format) {
    case WeightFormat::fp8:
    case WeightFormat::fp8_static:
    case WeightFormat::fp8_block:
    case WeightFormat::mxfp4_mxfp8:
      peak = d.gpu.peak_fp8.value_or(peak);
      break;
    case WeightFormat::int8:
      peak = d.gpu.peak_int8.value_or(peak);
      break;
    case WeightFormat::nvfp4:
      peak = d.gpu.peak_fp4.value_or(peak);
      break;
    case WeightFormat::bf16:
    case WeightFormat::int8_weight_only:
    case WeightFormat::int4_weight_only:
    case WeightFormat::mxfp4:
      break;
  }
  return peak.value;
}

}  // namespace foretoken
