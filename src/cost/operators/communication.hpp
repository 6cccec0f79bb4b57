// Collectives and point-to-point transfers over the link the ranks really share.
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

// Where a group of ranks sits.
enum class LinkKind { none, scale_up, host, scale_out };

struct LinkGroup {
  LinkKind kind = LinkKind::none;
  double ranks = 1;
  double ranks_per_node = 1;  // of these, on one node
  double bandwidth = 0;       // byte/s per device and direction inside the node
  double node_bandwidth = 0;  // of one device between nodes, where all send
  double latency = 0;         // of one message on the slower of the two
};

// The sets that can serve a collective; null = none. The engine takes the faster.
struct CollectiveSets {
  const ServedSet* custom = nullptr;  // the engine's own kernel
  const ServedSet* nccl = nullptr;
};

// z = bytes of one rank's full tensor.
[[nodiscard]] Estimate all_reduce_estimate(double z, const LinkGroup& group, const CollectiveSets& sets);
[[nodiscard]] double all_reduce_datasheet(double z, const LinkGroup& group);
// One calibrated set alone: custom (two branches over n - 1) or NCCL (over log2 n).
// `traffic` is the share of z that crosses a link: 2(n-1)/n all-reduce, (n-1)/n otherwise.
[[nodiscard]] double custom_all_reduce(double z, double ranks, double bandwidth, const ServedSet& set);
[[nodiscard]] double nccl_collective(double z, double ranks, double traffic, double bandwidth, const ServedSet& set);

[[nodiscard]] Estimate point_to_point_estimate(double bytes, const LinkGroup& group, const ServedSet& set);

}  // namespace foretoken
