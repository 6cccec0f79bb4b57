// The parts of the field table, in the order of the reference.
#pragma once

#include "scenario/field_table.hpp"

namespace foretoken {

// Far beyond any use, so that a slip of an exponent is noticed.
inline constexpr double kMaxTokensField = 1e8;
inline constexpr double kMaxCount = 1e9;
inline constexpr double kMaxSeconds = 3.2e9;  // a century

[[nodiscard]] std::span<const Field> deployment_fields();
[[nodiscard]] std::span<const Field> adapter_fields();
[[nodiscard]] std::span<const Field> kv_offload_fields();
[[nodiscard]] std::span<const Field> routing_fields();
[[nodiscard]] std::span<const Field> pool_fields();
[[nodiscard]] std::span<const Field> fleet_fields();
[[nodiscard]] std::span<const Field> autoscaler_fields();
[[nodiscard]] std::span<const Field> workload_fields();
[[nodiscard]] std::span<const Field> client_fields();
[[nodiscard]] std::span<const Field> question_fields();

}  // namespace foretoken
