// Routers of real stacks that look at cached prefixes: their rules with sources in src/serving/README.md, "Queues and
// routers".
#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "base/math.hpp"
#include "serving/routing/best_of.hpp"
#include "serving/routing/own_load.hpp"
#include "serving/routing/prefix_sight.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

// What they share: the router's own count, what it knows of prefixes, and chance among equals.
class PrefixRouter : public RoutingPolicy {
 public:
  explicit PrefixRouter(const RoutingPlace& place)
      : config_(place.config), load_(place.replicas), prefixes_(place), random_(place.config.seed, "router") {}
  int choose(const Request& request, const ClusterView& view) final {
    const int chosen = best(request, view);
    load_.sent(chosen, request);
    prefixes_.sent(chosen, request);
    return chosen;
  }
  void left(int replica, const Request& request) final { load_.left(replica, request); }

 protected:
  [[nodiscard]] virtual int best(const Request& request, const ClusterView& view) = 0;
  [[nodiscard]] std::vector<double> shares(const Request& request, const ClusterView& view) const {
    std::vector<double> all(static_cast<std::size_t>(view.size()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (view.takes(static_cast<int>(i))) all[i] = prefixes_.share(view, static_cast<int>(i), request);
    }
    return all;
  }

  const RoutingConfig config_;
  OwnLoad load_;
  PrefixSight prefixes_;
  RandomStream random_;
};

// SGLang's router (now SMG), cache_aware: the longest prefix wins where it is long enough, unless the load is out of
// balance.
class SglangRouter final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  int best(const Request& request, const ClusterView& view) override {
    const auto [least, most] = load_.spread(view);
    const bool imbalanced = static_cast<double>(most - least) > config_.balance_abs_threshold &&
                            static_cast<double>(most) > config_.balance_rel_threshold * static_cast<double>(least);
    if (imbalanced) return load_.emptiest(view);
    const std::vector<double> share = shares(request, view);
    const int longest =
        least_of(view, [&](int i) { return std::pair(-share[static_cast<std::size_t>(i)], load_.requests(i)); });
    return share[static_cast<std::size_t>(longest)] > config_.cache_threshold ? longest : load_.emptiest(view);
  }
};

// NVIDIA Dynamo's KV router: blocks to be prefilled there, with those of prompts that are not done, and blocks in use.
// All equal: by chance; with a temperature by a softmax over the costs between the least and the most.
class DynamoRouter final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  static constexpr double kBlock = 16;  // tokens

  int best(const Request& request, const ClusterView& view) override {
    std::vector<double> costs(static_cast<std::size_t>(view.size()), INFINITY);
    double least = INFINITY, most = 0;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (!view.takes(static_cast<int>(i))) continue;
      costs[i] = cost(request, view, static_cast<int>(i));
      least = std::min(least, costs[i]);
      most = std::max(most, costs[i]);
    }
    if (config_.temperature <= 0 || least == most) return random_least_of(costs, random_);
    return softmax(costs, least, config_.temperature * (most - least));
  }

  double cost(const Request& request, const ClusterView& view, int replica) const {
    const ReplicaSignals s = view.signals(replica);
    const double raw = static_cast<double>(s.prefill_tokens + request.prompt_tokens) / kBlock;
    const double credit = config_.overlap_credit *
                          std::floor(static_cast<double>(prefixes_.cached_tokens(view, replica, request)) / kBlock);
    return config_.prefill_load_scale * std::max(0.0, raw - credit) + static_cast<double>(s.kv_blocks_used) +
           config_.active_request_weight * static_cast<double>(load_.requests(replica));
  }

  int softmax(const std::vector<double>& costs, double least, double scale) {
    std::vector<double> weights(costs.size());
    std::transform(costs.begin(), costs.end(), weights.begin(),
                   [&](double c) { return exact_exp(-(c - least) / scale); });
    double left = random_.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
    int last = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      left -= weights[i];
      if (weights[i] > 0) last = static_cast<int>(i);
      if (left < 0) break;
    }
    return last;
  }
};

// llm-d's endpoint picker with its built-in profile: weighted scorers of the queue, the KV cache and the prefix, the
// highest sum, by chance among equals.
class LlmDRouter final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  int best(const Request& request, const ClusterView& view) override {
    const std::vector<double> share = shares(request, view);
    std::vector<double> costs(share.size(), INFINITY);
    std::int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < view.size(); ++i) {
      if (!view.takes(i)) continue;
      const std::int64_t waiting = view.signals(i).waiting;
      least = std::min(least, waiting);
      most = std::max(most, waiting);
    }
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (!view.takes(static_cast<int>(i))) continue;
      const ReplicaSignals s = view.signals(static_cast<int>(i));
      const double queue =
          most == least ? 1 : static_cast<double>(most - s.waiting) / static_cast<double>(most - least);
      const double free =
          1 - static_cast<double>(s.kv_blocks_used) / static_cast<double>(std::max<std::int64_t>(1, s.kv_blocks));
      costs[i] = -(config_.queue_weight * queue + config_.kv_weight * free + config_.prefix_weight * share[i]);
    }
    return random_least_of(costs, random_);
  }
};

// AIBrix's prefix-cache: where loads differ by more than 8 requests the emptiest; else the longest match whose load is
// not above the mean by more than a standard deviation (of a sample); else the emptiest.
class AibrixRouter final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  static constexpr std::int64_t kImbalance = 8;

  int best(const Request& request, const ClusterView& view) override {
    const auto [least, most] = load_.spread(view);
    if (most - least > kImbalance) return load_.emptiest(view);
    const std::vector<double> share = shares(request, view);
    const double limit = highest_usual_load(view);
    const int longest = least_of(view, [&](int i) {
      const bool busy = static_cast<double>(load_.requests(i)) > limit;
      return std::tuple(busy, -share[static_cast<std::size_t>(i)], load_.requests(i));
    });
    return share[static_cast<std::size_t>(longest)] > 0 ? longest : load_.emptiest(view);
  }

  [[nodiscard]] double highest_usual_load(const ClusterView& view) const {
    std::vector<std::int64_t> loads;
    for (const int i : takers(view)) loads.push_back(load_.requests(i));
    const auto n = static_cast<double>(loads.size());
    double sum = 0, squares = 0;
    for (const std::int64_t load : loads) sum += static_cast<double>(load);
    for (const std::int64_t load : loads) {
      const double apart = static_cast<double>(load) - sum / n;
      squares += apart * apart;
    }
    return sum / n + (loads.size() > 1 ? std::sqrt(squares / (n - 1)) : 0);
  }
};

// llm-d's newer profile, sticky until saturated: replicas that hold most of the prompt are the candidates, unless the
// best of the others would begin so much sooner; of the candidates the fewest tokens in flight.
class PrefixAffinity final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  int best(const Request& request, const ClusterView& view) override {
    const std::vector<double> share = shares(request, view);
    const auto sticky = [&](int i) { return share[static_cast<std::size_t>(i)] >= config_.affinity_threshold; };
    double best_sticky = INFINITY, best_other = INFINITY;
    for (int i = 0; i < view.size(); ++i) {
      if (!view.takes(i)) continue;
      double& best = sticky(i) ? best_sticky : best_other;
      best = std::min(best, static_cast<double>(view.signals(i).prefill_tokens) / config_.prefill_throughput);
    }
    const bool stick = best_sticky - best_other <= to_seconds(config_.max_ttft_penalty);
    return least_of(view, [&](int i) {
      const std::int64_t uncached = request.prompt_tokens - prefixes_.cached_tokens(view, i, request);
      return std::pair(stick && !sticky(i), load_.tokens(i) + uncached);
    });
  }
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_sglang_router(const RoutingPlace& place) {
  return std::make_unique<SglangRouter>(place);
}

std::unique_ptr<RoutingPolicy> make_dynamo_router(const RoutingPlace& place) {
  return std::make_unique<DynamoRouter>(place);
}

std::unique_ptr<RoutingPolicy> make_llm_d_router(const RoutingPlace& place) {
  return std::make_unique<LlmDRouter>(place);
}

std::unique_ptr<RoutingPolicy> make_aibrix_router(const RoutingPlace& place) {
  return std::make_unique<AibrixRouter>(place);
}

std::unique_ptr<RoutingPolicy> make_prefix_affinity(const RoutingPlace& place) {
  return std::make_unique<PrefixAffinity>(place);
}

}  // namespace foretoken
