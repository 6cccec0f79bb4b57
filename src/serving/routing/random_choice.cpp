// Chance: any replica, by weights, or the emptier of a few.
#include <algorithm>
#include <utility>

#include "base/random.hpp"
#include "serving/routing/best_of.hpp"
#include "serving/routing/own_load.hpp"
#include "serving/routing/published_load.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class Random final : public RoutingPolicy {
 public:
  explicit Random(const RoutingPlace& place)
      : random_(place.config.seed, "router"), replicas_(place.replicas), weights_(place.config.weights) {
    if (!weights_.empty()) weights_.resize(static_cast<std::size_t>(replicas_), 1);
  }
  int choose(const Request&, const ClusterView& view) override {
    if (const double sum = weight_of_takers(view); sum > 0) return by_weight(view, sum);
    if (view.all_take()) return static_cast<int>(random_.uniform_int(0, replicas_ - 1));
    const std::vector<int> all = takers(view);
    return all[static_cast<std::size_t>(random_.uniform_int(0, static_cast<std::int64_t>(all.size()) - 1))];
  }
  void left(int, const Request&) override {}

 private:
  [[nodiscard]] double weight_of_takers(const ClusterView& view) const {
    double sum = 0;
    for (int i = 0; i < std::ssize(weights_); ++i) sum += view.takes(i) ? weights_[static_cast<std::size_t>(i)] : 0;
    return sum;
  }
  // Of those that take requests, each with its share of all their weights (an HTTPRoute's backends).
  int by_weight(const ClusterView& view, double sum) {
    double left = random_.uniform() * sum;
    int last = -1;
    for (int i = 0; i < replicas_; ++i) {
      const double weight = weights_[static_cast<std::size_t>(i)];
      if (!view.takes(i) || weight <= 0) continue;
      last = i;
      if ((left -= weight) < 0) break;
    }
    return last;
  }

  RandomStream random_;
  int replicas_;
  std::vector<double> weights_;
};

// Of `choices` different replicas the one with the fewest requests in flight by the router's own count, or by what
// replicas publish where they do; the first that was drawn among equals (Mitzenmacher 2001; Envoy's least request; Ray
// Serve, which keeps queue lengths for ten seconds).
class PowerOfTwo final : public RoutingPolicy {
 public:
  explicit PowerOfTwo(const RoutingPlace& place)
      : random_(place.config.seed, "router"),
        load_(place.replicas),
        published_(place.config, place.replicas),
        by_signals_(std::max(place.config.signal_period, place.config.signal_delay) > Duration{}),
        choices_(static_cast<std::size_t>(std::min<std::int64_t>(place.config.choices, place.replicas))),
        order_(static_cast<std::size_t>(place.replicas)) {
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<int>(i);
  }
  int choose(const Request& request, const ClusterView& view) override {
    if (!view.all_take()) order_ = takers(view);
    int best = -1;
    std::int64_t least = 0;
    for (std::size_t i = 0; i < std::min(choices_, order_.size()); ++i) {  // the beginning of a shuffle
      const std::int64_t last = static_cast<std::int64_t>(order_.size()) - 1;
      std::swap(order_[i], order_[static_cast<std::size_t>(random_.uniform_int(static_cast<std::int64_t>(i), last))]);
      const std::int64_t here = by_signals_ ? published_.requests(view, order_[i]) : load_.requests(order_[i]);
      if (best >= 0 && here >= least) continue;
      best = order_[i];
      least = here;
    }
    load_.sent(best, request);
    published_.sent(best, view.now());
    return best;
  }
  void left(int replica, const Request& request) override { load_.left(replica, request); }

 private:
  RandomStream random_;
  OwnLoad load_;
  PublishedLoad published_;
  bool by_signals_;
  std::size_t choices_;
  std::vector<int> order_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_random_router(const RoutingPlace& place) {
  return std::make_unique<Random>(place);
}

std::unique_ptr<RoutingPolicy> make_power_of_two(const RoutingPlace& place) {
  return std::make_unique<PowerOfTwo>(place);
}

}  // namespace foretoken
