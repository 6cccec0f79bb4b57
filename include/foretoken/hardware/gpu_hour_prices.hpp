// What one device costs per hour, in USD, by how it is bought.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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

}  // namespace foretoken
