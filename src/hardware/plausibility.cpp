// Checks of GPU and link figures against what the hardware of their kind can do.
#include "hardware/plausibility.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

namespace foretoken {
namespace {

constexpr double giga = 1e9;
constexpr double tera = 1e12;

// Halving the operand doubles the dense rate; structured sparsity doubles it once more.
// Equal rates are fine too (TPU v5p runs fp8 at the bf16 rate).
constexpr double ratio_tolerance = 0.03;

// Dense bf16 FLOP per byte of memory traffic: from 37 (H20) to 560 (TPU v6e) in real devices.
constexpr double least_ridge = 30;
constexpr double greatest_ridge = 600;

// No matmul of any shape beat its dense peak, none of the listed devices stays below
// half of it (MI300X 0.51); below that the peak is likely the sparse one.
constexpr double least_measured_share = 0.45;

// Byte/s of one lane or port, one direction, by the beginning of the link's id.
struct LaneRate {
  std::string_view family;
  double rate;
};
constexpr std::array lane_rates{
    LaneRate{"nvlink2", 25 * giga},    LaneRate{"nvlink3_bridge", 14.0625 * giga},
    LaneRate{"nvlink3", 25 * giga},    LaneRate{"nvlink4", 25 * giga},
    LaneRate{"nvlink5", 50 * giga},    LaneRate{"pcie3", 1 * giga},
    LaneRate{"pcie4", 2 * giga},       LaneRate{"pcie5", 4 * giga},
    LaneRate{"pcie6", 8 * giga},       LaneRate{"xgmi_mi250", 50 * giga},
    LaneRate{"xgmi_mi300", 64 * giga}, LaneRate{"xgmi_mi355", 76.5 * giga},
};

bool near(double value, double expected) {
  return std::abs(value - expected) <= ratio_tolerance * expected;
}

void check_peaks(const GpuSpec& gpu, std::vector<std::string>& found) {
  const double bf16 = gpu.peak_bf16.value;
  const auto ratio = [&](std::string_view name, const std::optional<ComputeRate>& peak, double most) {
    if (!peak || bf16 <= 0) return;
    const double times = peak->value / bf16;
    if (near(times, 1) || near(times, 2) || near(times, most)) return;
    found.push_back(
        fmt::format("{} peak is {:.2f} times the bf16 peak; dense hardware gives 1, 2{}: a sparsity figure?", name,
                    times, most > 2 ? fmt::format(" or {:.0f}", most) : ""));
  };
  ratio("fp8", gpu.peak_fp8, 2);
  ratio("int8", gpu.peak_int8, 2);
  ratio("fp4", gpu.peak_fp4, 4);

  const auto measured = [&](std::string_view name, const std::optional<ComputeRate>& rate, double peak) {
    if (!rate || peak <= 0) return;
    const double share = rate->value / peak;
    if (share > 1) {
      found.push_back(fmt::format("measured {} matmul beats the peak: {:.1f} of {:.1f} TFLOP/s", name,
                                  rate->value / tera, peak / tera));
    } else if (share < least_measured_share) {
      found.push_back(fmt::format("best measured {} matmul reaches only {:.0f} % of the peak: a sparsity figure?", name,
                                  100 * share));
    }
  };
  measured("bf16", gpu.measured_bf16, bf16);
  measured("fp8", gpu.measured_fp8, gpu.peak_fp8 ? gpu.peak_fp8->value : 0);
}

void check_memory(const GpuSpec& gpu, std::vector<std::string>& found) {
  const double capacity = gpu.memory_capacity.value;
  // Memory chips come in powers of two and drivers report MiB; a round number of
  // decimal GB is never a multiple of 2^20 below 2 TB.
  if (std::fmod(capacity, kMiB) != 0) {
    found.push_back(
        fmt::format("memory capacity {:.2f} GB is no whole number of MiB: GB taken for GiB?", capacity / giga));
  }
  if (!gpu.memory_bandwidth) return;
  const double bandwidth = gpu.memory_bandwidth->value;
  const double ridge = gpu.peak_bf16.value / bandwidth;
  if (ridge < least_ridge || ridge > greatest_ridge) {
    found.push_back(
        fmt::format("{:.0f} bf16 FLOP per byte of memory traffic; real devices have {:.0f} to {:.0f}: "
                    "a sparsity figure, or a wrong memory bandwidth?",
                    ridge, least_ridge, greatest_ridge));
  }
  for (const LinkSpec* link : {&gpu.scale_up_link, &gpu.host_link}) {
    if (link->per_direction.value > 0.5 * bandwidth) {
      found.push_back(
          fmt::format("link {} ({:.0f} GB/s) is more than half as fast as the memory ({:.0f} GB/s): "
                      "figures swapped, or both directions summed?",
                      link->id, link->per_direction.value / giga, bandwidth / giga));
    }
  }
}

void check_power(const GpuSpec& gpu, std::vector<std::string>& found) {
  if (gpu.tdp && gpu.idle_power && gpu.idle_power->value > 0.5 * gpu.tdp->value) {
    found.push_back(fmt::format("idle power {:.0f} W is more than half of the TDP {:.0f} W", gpu.idle_power->value,
                                gpu.tdp->value));
  }
}

}  // namespace

std::vector<std::string> implausible_figures(const GpuSpec& gpu) {
  std::vector<std::string> found;
  check_peaks(gpu, found);
  check_memory(gpu, found);
  check_power(gpu, found);
  if (gpu.host_link.per_direction.value > 0 &&
      gpu.scale_up_link.per_direction.value < gpu.host_link.per_direction.value) {
    found.push_back(
        fmt::format("scale-up link {} is slower than the host link {}", gpu.scale_up_link.id, gpu.host_link.id));
  }
  return found;
}

std::vector<std::string> implausible_figures(const LinkSpec& link) {
  std::vector<std::string> found;
  const double product = link.lanes * link.per_lane.value;
  if (!near(link.per_direction.value, product)) {
    found.push_back(
        fmt::format("{}: {} lanes of {:.2f} GB/s make {:.1f} GB/s per direction, stated {:.1f}: "
                    "both directions summed?",
                    link.id, link.lanes, link.per_lane.value / giga, product / giga, link.per_direction.value / giga));
  }
  for (const LaneRate& family : lane_rates) {
    if (!link.id.starts_with(family.family)) continue;
    if (!near(link.per_lane.value, family.rate)) {
      found.push_back(fmt::format("{}: one lane of this kind carries {:.2f} GB/s per direction, stated {:.2f}", link.id,
                                  family.rate / giga, link.per_lane.value / giga));
    }
    break;
  }
  if (link.per_peer.value > link.per_direction.value) {
    found.push_back(fmt::format("{}: one peer gets more than all peers together", link.id));
  }
  return found;
}

}  // namespace foretoken
