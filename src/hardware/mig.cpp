// NVIDIA's MIG user guide: seven slices of compute and eight of memory; bandwidth and L2 go with the memory's. SMs of a
// profile: the guide's pages of A100 and A30; those of Hopper and Blackwell from memory.
#include "hardware/mig.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

struct Profile {
  std::string_view name;
  int memory;                     // eighths
  int instances;                  // of a GPU
  int ampere, hopper, blackwell;  // SMs
  bool doubled = false;           // the variant with twice the memory
};
constexpr Profile kProfiles[] = {{"1g", 1, 7, 14, 16, 18}, {"1g", 2, 4, 14, 26, 30, true}, {"2g", 2, 3, 28, 32, 36},
                                 {"3g", 4, 2, 42, 60, 70}, {"4g", 4, 1, 56, 64, 72},       {"7g", 8, 1, 98, 132, 148}};

int units_of(const Profile& p, const GpuSpec& gpu) {
  if (gpu.architecture == "Ampere") return p.ampere;
  if (gpu.architecture == "Hopper") return p.hopper;
  return p.blackwell;
}

// A100, A30, H100, H200, B200: those with HBM.
bool is_sliceable(const GpuSpec& gpu) {
  const bool architecture =
      gpu.architecture == "Ampere" || gpu.architecture == "Hopper" || gpu.architecture == "Blackwell";
  return gpu.vendor == "NVIDIA" && architecture && gpu.memory_type.starts_with("HBM") && gpu.compute_units >= 98;
}

// 80 GB in eight parts are 10 GB each.
std::string full_name(const Profile& p, const GpuSpec& gpu) {
  constexpr double kGib = 1073741824.0;
  const double gb = gpu.memory_capacity.value / kGib;
  return fmt::format("{}.{}gb", p.name, static_cast<int>(std::floor(gb * p.memory / 8)));
}

}  // namespace

std::vector<std::string> mig_profiles(const GpuSpec& gpu) {
  std::vector<std::string> names;
  if (!is_sliceable(gpu)) return names;
  for (const Profile& p : kProfiles) names.push_back(full_name(p, gpu));
  return names;
}

std::optional<GpuSpec> mig_slice(const GpuSpec& gpu, std::string_view name) {
  if (!is_sliceable(gpu)) return std::nullopt;
  const auto* p = std::find_if(std::begin(kProfiles), std::end(kProfiles), [&](const Profile& candidate) {
    return full_name(candidate, gpu) == name || (candidate.name == name && !candidate.doubled);
  });
  if (p == std::end(kProfiles)) return std::nullopt;
  GpuSpec slice = gpu;
  slice.id = gpu.id + "/" + full_name(*p, gpu);
  slice.compute_units = units_of(*p, gpu);
  const double compute = static_cast<double>(slice.compute_units) / gpu.compute_units;
  const double memory = p->memory / 8.0;
  const auto scaled = [&](std::optional<ComputeRate>& rate) {
    if (rate) rate->value *= compute;
  };
  slice.peak_bf16.value *= compute;
  for (auto* rate : {&slice.peak_fp8, &slice.peak_int8, &slice.peak_fp4, &slice.measured_bf16, &slice.measured_fp8})
    scaled(*rate);
  slice.memory_capacity.value *= memory;
  slice.l2_cache.value *= memory;
  if (slice.memory_bandwidth) slice.memory_bandwidth->value *= memory;
  slice.scale_up_domain = 1;  // no peer to peer between slices
  slice.scale_up_link = gpu.host_link;
  // Of what the GPU draws and costs, an instance's share.
  const double share = p->instances > 1 ? memory : 1.0;
  if (slice.tdp) slice.tdp->value *= share;
  if (slice.idle_power) slice.idle_power->value *= share;
  for (auto* price : {&slice.example_price.on_demand, &slice.example_price.reserved, &slice.example_price.spot})
    if (*price) **price *= share;
  return slice;
}

}  // namespace foretoken
