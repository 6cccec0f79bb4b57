// Communication time (src/cost/README.md, "Communication"). All of it is network time: the constants are
// the latency of synchronising ranks.
#include "cost/operators/communication.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

enum : std::size_t { kA1, kB1, kE1, kA2, kB2, kE2 };

// Crossing nodes: NCCL inside the node, then the network (a guess;
// up to twice off on the only measurements).
constexpr double kNodeLatency = 30e-6;
constexpr double kNodeEfficiency = 0.8;

double ring_share(double ranks) {
  return 2 * (ranks - 1) / ranks;
}

double roofline_seconds(double z, double ranks, double bandwidth, const ServedSet& set) {
  return set.roofline.t0 + ring_share(ranks) * z / (bandwidth * set.roofline.ec);
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
  double seconds = HUGE_VAL;
  if (ranks <= 1) {
    seconds = 0;
  } else {
    if (sets.nccl != nullptr) {
      seconds = sets.nccl->level == CostLevel::calibrated
                    ? nccl_collective(z, ranks, ring_share(ranks), group.bandwidth, *sets.nccl)
                    : roofline_seconds(z, ranks, group.bandwidth, *sets.nccl);
    }
    if (sets.custom != nullptr && !crosses) {
      seconds = std::min(seconds, sets.custom->level == CostLevel::calibrated
                                      ? custom_all_reduce(z, ranks, group.bandwidth, *sets.custom)
                                      : roofline_seconds(z, ranks, group.bandwidth, *sets.custom));
    }
  }
  if (crosses) seconds += kNodeLatency + 2 * z / (kNodeEfficiency * group.node_bandwidth);
  return {0, seconds, TimePart::network};
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
