// Fitted to ai-dynamo/aiconfigurator 095f58a, h100_sxm/comm/sglang/0.5.6.post2/wideep_deepep_{ll,normal}_perf.parquet:
// 8 H100 a node, one NDR adapter of 50 GB/s each, hidden 7168, 8 experts of 256 or 288 a token.
#include "cost/operators/all_to_all.hpp"

#include <algorithm>

#include "base/math.hpp"

namespace foretoken {
namespace {

constexpr double kMicrosecond = 1e-6;
constexpr double kNvlink = 450e9, kAdapter = 50e9;  // of the machines measured

double nodes_of(const LinkGroup& group) {
  return group.kind == LinkKind::scale_out ? group.ranks / group.ranks_per_node : 1;
}
double log2_of(double x) {
  return exact_log(x) / exact_log(2);
}

// Rates measured there, on other links.
double inside_rate(double measured, const LinkGroup& group) {
  return measured * (group.bandwidth > 0 ? group.bandwidth / kNvlink : 1);
}
double between_rate(double measured, const LinkGroup& group) {
  return measured * group.node_bandwidth / kAdapter;
}

// Of a kernel: a time that it takes anyhow, by log2 of the nodes, and rates.
struct Kernel {
  double fixed_2 = 0, per_doubling = 0;  // us, of 2 nodes and more
  double between = 0;                    // byte/s of an adapter
  double least = 0, inside_fixed = 0;    // us, in one node
  double inside = 0;                     // byte/s
};
constexpr Kernel kDispatch{20.5, 3.9, 47e9, 15.5, 12.5, 238e9};
constexpr Kernel kCombine{24, 1, 47e9, 13, 7.5, 200e9};
// Kernels for large steps send a token once to each node that has an expert of it.
constexpr Kernel kManyDispatch{57, 31, 44e9, 0, 37, 285e9};
constexpr Kernel kManyCombine{86, 35, 38e9, 0, 48, 319e9};

double low_latency(const Kernel& k, double bytes, const LinkGroup& group) {
  const double nodes = nodes_of(group);
  if (nodes > 1) {
    const double fixed = k.fixed_2 + k.per_doubling * (log2_of(nodes) - 1);
    return fixed * kMicrosecond + bytes * (nodes - 1) / nodes / between_rate(k.between, group);
  }
  const double sent = bytes * (group.ranks - 1) / group.ranks;
  return std::max(k.least * kMicrosecond, k.inside_fixed * kMicrosecond + sent / inside_rate(k.inside, group));
}

// Copies of a token that leave for other places, where its experts lie anywhere.
double copies(double places, double experts_per_token) {
  return (places - 1) * (1 - exact_exp(experts_per_token * exact_log(1 - 1 / places)));
}

double many_tokens(const Kernel& k, double of_token, const ExpertExchangeShape& shape, const LinkGroup& group) {
  const double nodes = nodes_of(group);
  const double places = nodes > 1 ? nodes : group.ranks;
  const double bytes = shape.tokens * copies(places, shape.experts_per_token) * of_token;
  if (nodes <= 1) return k.inside_fixed * kMicrosecond + bytes / inside_rate(k.inside, group);
  // 44 and 38 GB/s on 2 nodes, 47 on 4 and more.
  const double rate = nodes >= 4 ? 47e9 : k.between;
  const double fixed = k.fixed_2 + k.per_doubling * (std::min(log2_of(nodes), 3.0) - 1);
  return fixed * kMicrosecond + bytes / between_rate(rate, group);
}

double one_way(const Kernel& few, const Kernel& many, double of_token, const ExpertExchangeShape& shape,
               const LinkGroup& group, ExpertExchange kernels) {
  if (!(shape.tokens > 0) || !(group.ranks > 1)) return 0;
  if (kernels == ExpertExchange::deepep_high_throughput) return many_tokens(many, of_token, shape, group);
  return low_latency(few, shape.tokens * shape.experts_per_token * of_token, group);
}

double dispatched(const ExpertExchangeShape& shape) {
  return shape.hidden * (1 + 4.0 / 128);
}

}  // namespace

double dispatch_seconds(const ExpertExchangeShape& shape, const LinkGroup& group, ExpertExchange kernels) {
  return one_way(kDispatch, kManyDispatch, dispatched(shape), shape, group, kernels);
}

double combine_seconds(const ExpertExchangeShape& shape, const LinkGroup& group, ExpertExchange kernels) {
  return one_way(kCombine, kManyCombine, 2 * shape.hidden, shape, group, kernels);
}

Estimate expert_exchange_estimate(const ExpertExchangeShape& shape, const LinkGroup& group, ExpertExchange kernels) {
  return {0, dispatch_seconds(shape, group, kernels) + combine_seconds(shape, group, kernels), TimePart::network};
}

double expert_exchange_datasheet(const ExpertExchangeShape& shape, const LinkGroup& group) {
  if (!(group.ranks > 1)) return 0;
  const double nodes = nodes_of(group);
  const double of_token = dispatched(shape) + 2 * shape.hidden;
  if (nodes > 1) return shape.tokens * copies(nodes, shape.experts_per_token) * of_token / group.node_bandwidth;
  return shape.tokens * copies(group.ranks, shape.experts_per_token) * of_token / group.bandwidth;
}

}  // namespace foretoken
