// Where the request's LoRA adapter is already: on a GPU, else in host memory, else anywhere; among equals the fewest in
// flight. Out of balance, the emptiest (src/serving/README.md, "Queues and routers").
#include <utility>

#include "serving/routing/best_of.hpp"
#include "serving/routing/own_load.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class LoraAffinity final : public RoutingPolicy {
 public:
  explicit LoraAffinity(const RoutingPlace& place)
      : load_(place.replicas),
        abs_threshold_(place.config.balance_abs_threshold),
        rel_threshold_(place.config.balance_rel_threshold) {}
  int choose(const Request& request, const ClusterView& view) override {
    const int chosen = best(request, view);
    load_.sent(chosen, request);
    return chosen;
  }
  void left(int replica, const Request& request) override { load_.left(replica, request); }

 private:
  int best(const Request& request, const ClusterView& view) const {
    const auto [least, most] = load_.spread(view);
    const bool imbalanced = static_cast<double>(most - least) > abs_threshold_ &&
                            static_cast<double>(most) > rel_threshold_ * static_cast<double>(least);
    if (imbalanced || request.adapter < 0) return load_.emptiest(view);
    return least_of(
        view, [&](int i) { return std::pair(-static_cast<int>(view.adapter_place(i, request)), load_.requests(i)); });
  }

  OwnLoad load_;
  double abs_threshold_, rel_threshold_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_lora_affinity(const RoutingPlace& place) {
  return std::make_unique<LoraAffinity>(place);
}

}  // namespace foretoken
