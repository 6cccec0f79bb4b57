// The replica with the fewest requests in flight by the router's own count, the
// lowest index among equals (src/serving/README.md, "Queues and routers"). A tournament tree keeps it O(log replicas).
#include <bit>
#include <cstddef>
#include <limits>
#include <vector>

#include "serving/routing/best_of.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class LeastOutstanding final : public RoutingPolicy {
 public:
  explicit LeastOutstanding(int replicas)
      : leaves_(std::bit_ceil(static_cast<std::size_t>(replicas))),
        counts_(leaves_, std::numeric_limits<std::int64_t>::max()),
        winners_(2 * leaves_) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(replicas); ++i) counts_[i] = 0;
    for (std::size_t i = 0; i < leaves_; ++i) winners_[leaves_ + i] = static_cast<int>(i);
    for (std::size_t node = leaves_ - 1; node > 0; --node) play(node);
  }
  int choose(const Request&, const ClusterView& view) override {
    const int chosen = !view.all_take() ? least_of(view, [&](int i) { return counts_[static_cast<std::size_t>(i)]; })
                       : leaves_ == 1   ? 0
                                        : winners_[1];
    change(chosen, +1);
    return chosen;
  }
  void left(int replica, const Request&) override { change(replica, -1); }

 private:
  // The left child holds the lower indices, so it wins ties.
  void play(std::size_t node) {
    const int a = winners_[2 * node];
    const int b = winners_[2 * node + 1];
    winners_[node] = counts_[static_cast<std::size_t>(b)] < counts_[static_cast<std::size_t>(a)] ? b : a;
  }
  void change(int replica, int by) {
    counts_[static_cast<std::size_t>(replica)] += by;
    for (std::size_t node = (leaves_ + static_cast<std::size_t>(replica)) / 2; node > 0; node /= 2) play(node);
  }

  std::size_t leaves_;
  std::vector<std::int64_t> counts_;
  std::vector<int> winners_;  // a heap-shaped tree, leaves from leaves_ on
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_least_outstanding(const RoutingPlace& place) {
  return std::make_unique<LeastOutstanding>(place.replicas);
}

}  // namespace foretoken
