// Replicas in turn.
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class RoundRobin final : public RoutingPolicy {
 public:
  explicit RoundRobin(const RoutingPlace& place) : replicas_(place.replicas) {}
  int choose(const Request&, const ClusterView& view) override {
    int chosen = next_;
    while (!view.takes(chosen)) chosen = chosen + 1 == replicas_ ? 0 : chosen + 1;
    next_ = chosen + 1 == replicas_ ? 0 : chosen + 1;
    return chosen;
  }
  void left(int, const Request&) override {}

 private:
  int replicas_;
  int next_ = 0;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_round_robin(const RoutingPlace& place) {
  return std::make_unique<RoundRobin>(place);
}

}  // namespace foretoken
