// Datasheet constants and number formats.
#include "cost/operators/device.hpp"

namespace foretoken {

Device datasheet_device(const GpuSpec& gpu) {
  Device d;
  d.flops_bf16 = gpu.peak_bf16.value;
  d.flops_fp8 = gpu.peak_fp8 ? gpu.peak_fp8->value : 0;
  d.flops_int8 = gpu.peak_int8 ? gpu.peak_int8->value : 0;
  d.flops_fp4 = gpu.peak_fp4 ? gpu.peak_fp4->value : 0;
  d.bandwidth = gpu.memory_bandwidth ? gpu.memory_bandwidth->value : 0;
  d.compute_units = gpu.compute_units;
  d.l2_bytes = gpu.l2_cache.value;
  return d;
}

Device calibration_device(const CalibrationDevice& c) {
  Device d;
  d.flops_bf16 = c.flops_bf16;
  d.flops_fp8 = c.flops_fp8;
  d.flops_int8 = c.flops_fp8;  // equal on every GPU that was measured
  d.flops_fp4 = c.flops_fp4;
  d.bandwidth = c.bandwidth;
  d.compute_units = c.compute_units;
  d.l2_bytes = c.l2_bytes;
  return d;
}

double weight_bytes_per_element(WeightFormat format) {
  switch (format) {
    case WeightFormat::bf16:
      return 2;
    case WeightFormat::fp8:
    case WeightFormat::fp8_static:
    case WeightFormat::int8:
    case WeightFormat::int8_weight_only:
      return 1;
    case WeightFormat::fp8_block:
      return 1 + 4.0 / (128 * 128);  // one fp32 scale per block
    case WeightFormat::int4_weight_only:
      return 0.5 + 2.0 / 128;  // one fp16 scale per group
    case WeightFormat::nvfp4:
      return 0.5 + 1.0 / 16;  // one fp8 scale per 16 elements
    case WeightFormat::mxfp4:
    case WeightFormat::mxfp4_mxfp8:
      return 0.5 + 1.0 / 32;
  }
  return 2;
}

MatrixFormat matrix_format(WeightFormat format, const Device& device) {
  const double weight = weight_bytes_per_element(format);
  switch (format) {
    case WeightFormat::fp8:
    case WeightFormat::fp8_static:
    case WeightFormat::fp8_block:
      if (device.flops_fp8 > 0) {
        return {weight, 1, device.flops_fp8, format != WeightFormat::fp8_static,
                format == WeightFormat::fp8_block ? "fp8_block" : "fp8"};
      }
      return {weight, 2, device.flops_bf16, false, "int8_wo"};
    case WeightFormat::int8:
      if (device.flops_int8 > 0) return {weight, 1, device.flops_int8, true, "int8"};
      return {weight, 2, device.flops_bf16, false, "int8_wo"};
    case WeightFormat::nvfp4:
      if (device.flops_fp4 > 0) return {weight, weight, device.flops_fp4, true, "nvfp4"};
      return {weight, 2, device.flops_bf16, false, "int4_wo"};
    case WeightFormat::int8_weight_only:
      return {weight, 2, device.flops_bf16, false, "int8_wo"};
    case WeightFormat::int4_weight_only:
      return {weight, 2, device.flops_bf16, false, "int4_wo"};
    case WeightFormat::mxfp4_mxfp8:
      if (device.flops_fp8 > 0) return {weight, 1, device.flops_fp8, true, "w4a8_mxfp4_mxfp8"};
      [[fallthrough]];
    case WeightFormat::mxfp4:
      return {weight, 2, device.flops_bf16, false, "w4a16_mxfp4"};
    case WeightFormat::bf16:
      break;
  }
  return {weight, 2, device.flops_bf16, false, "bf16"};
}

std::string gpu_generation(const GpuSpec& gpu) {
  if (gpu.architecture == "Ampere") return gpu.l2_cache.value >= 20e6 ? "sm80" : "sm86";  // A100, A30 | A40, A10
  if (gpu.architecture == "Ada") return "sm86";
  if (gpu.architecture == "Hopper") return "sm90";
  if (gpu.architecture == "Blackwell") return gpu.peak_bf16.value >= 1e15 ? "sm100" : "sm120";
  return gpu.architecture;
}

}  // namespace foretoken
