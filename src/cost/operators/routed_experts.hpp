// Routed experts of one MoE layer on one device: routing, permutation, the grouped
// GEMM pair and the activation between them.
#pragma once

#include <span>

#include "cost/operators/operator.hpp"

namespace foretoken {

struct RoutedExperts {
  double tokens = 0;           // of the whole expert-parallel group
  double experts = 0;          // E, of the layer
  double active = 0;           // K per token
  double expert_parallel = 1;  // ranks that share the experts
  double hidden = 0;
  double width = 0;     // intermediate size of an expert on this device
  double matrices = 3;  // 3 = gated, 2 = ungated
  WeightFormat format = WeightFormat::bf16;
  std::span<const double> loads{};       // tokens of each expert of this device; empty = by popularity
  std::span<const double> popularity{};  // share of the tokens that visit each expert of this device; empty = even
  bool resident = false;
};

// How the tokens of a step fall on the experts of one device.
struct ExpertLoad {
  double pairs = 0;   // token-expert pairs
  double active = 0;  // experts with at least one token, expected value
};
[[nodiscard]] ExpertLoad expert_load(const RoutedExperts& moe);

[[nodiscard]] Work routed_experts_work(const RoutedExperts& moe, const Device& device);
[[nodiscard]] double routed_experts_datasheet(const RoutedExperts& moe, const Device& device);
[[nodiscard]] Estimate routed_experts_estimate(const RoutedExperts& moe, const ServedSet& set);

}  // namespace foretoken
