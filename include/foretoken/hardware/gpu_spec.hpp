// What a datasheet says of an accelerator and of the links between them. Data
// only; every figure's source stands in the catalog file it came from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

enum class Purchase { on_demand, reserved, spot };

[[nodiscard]] constexpr std::string_view to_string(Purchase purchase) {
  return purchase == Purchase::on_demand ? "on_demand" : purchase == Purchase::reserved ? "reserved" : "spot";
}

// Empty = not known.
struct GpuHourPrices {
  std::optional<double> on_demand;
  std::optional<double> reserved;
  std::optional<double> spot;
  std::string source;
  [[nodiscard]] const std::optional<double>& of(Purchase purchase) const {
    return purchase == Purchase::on_demand ? on_demand : purchase == Purchase::reserved ? reserved : spot;
  }
  [[nodiscard]] bool any() const { return on_demand || reserved || spot; }
  bool operator==(const GpuHourPrices&) const = default;
};

// Far beyond any device, so that a slip of the decimal point or a price per month is noticed.
inline constexpr double kLargestGpuHourPrice = 1000;

// What a datasheet says of an accelerator and of the links between them. Data
// only; every figure's source stands in the catalog file it came from.

// A link between devices, per device and direction (never both directions summed).
struct LinkSpec {
  std::string id;           // nvlink4, pcie5, xgmi, infiniband_ndr400 ...
  Bandwidth per_direction;  // byte/s one device can send
  Seconds latency;          // of one message, without kernel launches
  std::string source;
  int lanes = 0;       // per_direction = lanes * per_lane
  Bandwidth per_lane;  // of one lane, port or sub-link, one direction
  Bandwidth per_peer;  // to one peer; below per_direction in a mesh (MI300X: 64 of 448 GB/s)
  // Large copies between a device and its host as measured: one direction alone, and both together. Empty = nobody did.
  std::optional<Bandwidth> measured_copy;
  std::optional<Bandwidth> measured_copy_both;
  std::vector<std::string> aliases;
  std::string notes;
  bool operator==(const LinkSpec&) const = default;
};

// Peaks are dense (no structured sparsity), FP32 accumulate.
struct GpuSpec {
  std::string id;                    // h100_sxm
  std::string display_name;          // H100-SXM-80GB
  std::vector<std::string> aliases;  // other spellings that find it
  std::string vendor;
  std::string memory_type;   // HBM3, GDDR6 ...
  std::string architecture;  // Hopper, CDNA3 ...
  int year = 0;
  int compute_units = 0;  // SMs or CUs; 0 = not found in a source
  ComputeRate peak_bf16;  // fp16 and bf16
  std::optional<ComputeRate> peak_fp8;
  std::optional<ComputeRate> peak_int8;
  std::optional<ComputeRate> peak_fp4;
  std::optional<ComputeRate> measured_bf16;  // best matmul rate anyone measured
  std::optional<ComputeRate> measured_fp8;
  ByteCount memory_capacity;                  // what the driver shows, in bytes
  std::optional<Bandwidth> memory_bandwidth;  // decimal; empty = not found: such a GPU can't be simulated
  ByteCount l2_cache;                         // 0 = not found
  LinkSpec scale_up_link;   // between devices of one scale-up domain; the host link where there is none
  int scale_up_domain = 1;  // devices that share the scale-up link
  LinkSpec host_link;       // PCIe to the host, also between devices outside a domain; empty id = not found
  std::optional<Power> tdp;
  std::optional<Power> idle_power;
  bool idle_power_is_guess = false;
  GpuHourPrices example_price;  // to try the arithmetic with: no quote of anybody
  std::vector<std::string> sources;
  std::string notes;  // disputed or derived figures
  bool operator==(const GpuSpec&) const = default;
};

// Where the replica's devices sit.
struct NodeSpec {
  int gpus_per_node = 8;
  LinkSpec scale_out_link;  // between nodes, of one adapter and direction
  int adapters = 0;         // of a node; 0 = one per device
  // What all adapters of a node can send over what the network between nodes carries of it; 1 = every rail whole.
  double oversubscription = 1;
  // Of a link between nodes, what one device has of it when all send.
  [[nodiscard]] double share_of_adapters() const {
    const double share = adapters == 0 ? 1 : static_cast<double>(adapters) / gpus_per_node;
    return share / oversubscription;
  }
  // Byte/s.
  [[nodiscard]] double bandwidth_per_device() const { return scale_out_link.per_direction.value * share_of_adapters(); }
  bool operator==(const NodeSpec&) const = default;
};

}  // namespace foretoken
