// Communication time (src/cost/README.md, "Communication"). All of it is network time: the constants are
// the latency of synchronising ranks.
#include "cost/operators/communication.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

enum : std::size_t { kA1, kB1, kE1, kA2, kB2, kE2 };

// Crossing nodes: reduce-scatter in the node, an all-reduce along every rail, all-gather in the node. Fixed time of 2
// nodes measured on 2 x 8 H20 (NVIDIA/nccl issue 1244: 46 us for 4 to 512 bytes), its growth NCCL's own (tuning.cc);
// efficiency of IB (192 GB/s of 200 on 2 DGX A100; NVIDIA/nccl issue 1576, nccl-tests issue 290).
constexpr double kNodesFixed = 36e-6, kNodesPerDoubling = 10e-6;
constexpr double kNodeEfficiency = 0.92;
// Messages beyond this are cut, and both ways are used at once (stas00/ml-engineering 744d01e, 4 nodes of 8 B200).
constexpr double kPipelinedFrom = 256.0 * 1024 * 1024;

double ring_share(double ranks) {
  return 2 * (ranks - 1) / ranks;
}

double roofline_seconds(double z, double ranks, double bandwidth, const ServedSet& set) {
  return set.roofline.t0 + ring_share(ranks) * z / (bandwidth * set.roofline.ec);
}

// NCCL's, and where all ranks share a node the engine's own if that is faster.
double inside_seconds(double z, double ranks, const LinkGroup& group, const CollectiveSets& sets) {
  if (ranks <= 1) return 0;
  double seconds = HUGE_VAL;
  if (sets.nccl != nullptr) {
    seconds = sets.nccl->level == CostLevel::calibrated
                  ? nccl_collective(z, ranks, ring_share(ranks), group.bandwidth, *sets.nccl)
                  : roofline_seconds(z, ranks, group.bandwidth, *sets.nccl);
  }
  if (sets.custom != nullptr && group.kind != LinkKind::scale_out) {
    seconds = std::min(seconds, sets.custom->level == CostLevel::calibrated
                                    ? custom_all_reduce(z, ranks, group.bandwidth, *sets.custom)
                                    : roofline_seconds(z, ranks, group.bandwidth, *sets.custom));
  }
  return seconds;
}

constexpr double kSmallMessage = 8;  // bytes: all latency

// `inside`: what the part in the nodes takes, `inside_least` what it takes at least.
double over_nodes(double z, const LinkGroup& group, double inside, double inside_least) {
  const double nodes = group.ranks / group.ranks_per_node;
  const double fixed = std::max(inside_least, kNodesFixed + kNodesPerDoubling * exact_log(nodes) / exact_log(2));
  const auto rail = [&](double bytes) {
    return ring_share(nodes) * bytes / group.ranks_per_node / (kNodeEfficiency * group.node_bandwidth);
  };
  const double in_node = std::max(0.0, inside - inside_least);
  if (z <= kPipelinedFrom) return fixed + in_node + rail(z);
  const double at_most_whole = fixed + in_node * kPipelinedFrom / z + rail(kPipelinedFrom);
  return std::max(at_most_whole, fixed + std::max(in_node, rail(z)));
}

}  // namespace

double custom_all_reduce(double z, double ranks, double bandwidth, const ServedSet& set) {
  const auto& c = set.c;
  const double one_shot = c[kA1] + c[kB1] * (ranks - 1) + (ranks - 1) * z / (bandwidth * c[kE1]);
  const double two_shot = c[kA2] + c[kB2] * (ranks - 1) + ring_share(ranks) * z / (bandwidth * c[kE2]);
  return std::min(one_shot, two_shot);
}

double nccl_collective(double z, double ranks, double traffic, double bandwidth, const ServedSet& set) {
  const auto& c = set.c;
  const double wire = traffic * z / bandwidth;
  const double hops = exact_log(ranks) / exact_log(2);
  return std::min(c[kA1] + c[kB1] * hops + wire / c[kE1], c[kA2] + c[kB2] * hops + wire / c[kE2]);
}

Estimate all_reduce_estimate(double z, const LinkGroup& group, const CollectiveSets& sets) {
  if (!(group.ranks > 1) || !(z > 0)) return {0, 0, TimePart::network};
  const bool crosses = group.kind == LinkKind::scale_out;
  const double ranks = crosses ? group.ranks_per_node : group.ranks;
  const double seconds = inside_seconds(z, ranks, group, sets);
  if (!crosses) return {0, seconds, TimePart::network};
  return {0, over_nodes(z, group, seconds, inside_seconds(kSmallMessage, ranks, group, sets)), TimePart::network};
}

// A ring moves 2(n-1)/n of the tensor through each device's link. The slowest link bounds it.
double all_reduce_datasheet(double z, const LinkGroup& group) {
  if (!(group.ranks > 1)) return 0;
  const double inside =
      group.ranks_per_node > 1 ? ring_share(std::min(group.ranks, group.ranks_per_node)) * z / group.bandwidth : 0;
  if (group.kind != LinkKind::scale_out) return ring_share(group.ranks) * z / group.bandwidth;
  const double nodes = group.ranks / group.ranks_per_node;
  return std::max(inside, ring_share(nodes) * z / (group.node_bandwidth * group.ranks_per_node));
}

Estimate point_to_point_estimate(double bytes, const LinkGroup& group, const ServedSet& set) {
  if (!(bytes > 0) || group.kind == LinkKind::none) return {0, 0, TimePart::network};
  const double bandwidth = group.kind == LinkKind::scale_out ? group.node_bandwidth : group.bandwidth;
  return {0, std::max(set.roofline.t0, group.latency) + bytes / (bandwidth * set.roofline.ec), TimePart::network};
}

}  // namespace foretoken
