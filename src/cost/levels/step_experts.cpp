// The routed experts of a step: their kernel, what goes around it, and which of them tokens choose.
#include <cmath>

#include "cost/levels/step_operators.hpp"
#include "cost/operators/all_to_all.hpp"
#include "cost/operators/expert_loads.hpp"
#include "cost/operators/routed_experts.hpp"

namespace foretoken {
namespace {

// Routers without a bias that evens loads out favour some of many experts: AIConfigurator's law of popularity
// (`_power_law_alpha` of its models of this kind), spread as it is at 128 tokens. Few experts are taken as even.
constexpr double kPopularityExponent = 1.2;
constexpr double kPopularitySpread = 100;
constexpr int kManyExperts = 64;

double sliced(int width, int ranks) {
  return std::ceil(static_cast<double>(width) / ranks);
}

}  // namespace

std::vector<double> expert_popularity_of(const Deployment& d) {
  const MoeSpec& moe = d.model.moe;
  const Parallelism& p = d.parallelism;
  if (moe.routing_bias || moe.experts < kManyExperts) return {};
  const int ranks = p.expert_parallel ? p.tensor * p.data : 1;
  return expert_popularity({0, moe.experts, static_cast<double>(moe.active_experts), ranks}, kPopularityExponent,
                           kPopularitySpread);
}

void StepOperators::add_routed_experts(std::vector<Operator>& out, double group_tokens) const {
  const ModelSpec& m = d_.model;
  const int ranks = d_.parallelism.tensor * d_.parallelism.data;
  const bool spread = d_.parallelism.expert_parallel;
  RoutedExperts experts;
  experts.tokens = group_tokens;
  experts.experts = m.moe.experts;
  experts.active = m.moe.active_experts;
  experts.expert_parallel = spread ? ranks : 1;
  experts.hidden = m.moe.latent_width > 0 ? m.moe.latent_width : m.hidden_size;
  experts.width = spread ? m.moe.expert_width : sliced(m.moe.expert_width, ranks);
  experts.matrices = m.mlp_matrices;
  experts.format = pricing_.expert_format;
  experts.popularity = popularity_;
  out.push_back({"routed_experts", static_cast<double>(counts_.moe_layers),
                 routed_experts_work(experts, pricing_.datasheet), routed_experts_estimate(experts, pricing_.experts),
                 routed_experts_datasheet(experts, pricing_.datasheet), &pricing_.experts,
                 inside_range(pricing_.experts, "tokens", experts.tokens) &&
                     inside_range(pricing_.experts, "hidden", experts.hidden)});
}

Operator StepOperators::expert_permute(double group_tokens) const {
  return pass("expert_permute", counts_.moe_layers, group_tokens * d_.model.hidden_size * 4, pricing_.norm);
}

// All-gather of every rank's tokens and reduce-scatter of the results: about one NCCL all-reduce of both. Engines that
// quantise before they gather send the bytes of that. Or DeepEP's kernels.
Operator StepOperators::expert_exchange(double group_tokens) const {
  if (d_.expert_exchange != ExpertExchange::allgather_reducescatter) {
    const ExpertExchangeShape shape{group_tokens / expert_group_.ranks, static_cast<double>(d_.model.hidden_size),
                                    static_cast<double>(d_.model.moe.active_experts)};
    return {"expert_exchange",
            static_cast<double>(counts_.moe_layers),
            {},
            expert_exchange_estimate(shape, expert_group_, d_.expert_exchange),
            expert_exchange_datasheet(shape, expert_group_)};
  }
  constexpr double kBf16 = 2;
  const double gathered =
      pricing_.gathers_quantised ? matrix_format(pricing_.expert_format, pricing_.datasheet).activation_bytes : kBf16;
  const double z = group_tokens * d_.model.hidden_size * (gathered + kBf16) / 2;
  return {"expert_exchange",
          static_cast<double>(counts_.moe_layers),
          {},
          all_reduce_estimate(z, expert_group_, {nullptr, &pricing_.nccl}),
          all_reduce_datasheet(z, expert_group_),
          &pricing_.nccl,
          inside_range(pricing_.nccl, "message_bytes", z)};
}

}  // namespace foretoken
