// Mooncake's Algorithm 1 (FAST'25): where the first token is expected first, with a prefix from another replica where
// that has much more of it; nobody is taken in who would wait too long.
#include <cmath>

#include "serving/routing/best_of.hpp"
#include "serving/routing/prefix_sight.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class Mooncake final : public RoutingPolicy {
 public:
  explicit Mooncake(const RoutingPlace& place) : config_(place.config), prefixes_(place) {}

  int choose(const Request& request, const ClusterView& view) override {
    std::int64_t most = 0;
    std::vector<std::int64_t> cached(static_cast<std::size_t>(view.size()));
    for (int i = 0; i < view.size(); ++i) {
      if (!view.takes(i)) continue;
      std::int64_t& here = cached[static_cast<std::size_t>(i)];
      here = prefixes_.cached_tokens(view, i, request);
      most = std::max(most, here);
    }
    const auto fetches = [&](int i) {
      const auto here = static_cast<double>(cached[static_cast<std::size_t>(i)]);
      return config_.fetch_throughput > 0 && static_cast<double>(most) > config_.balancing_threshold * here;
    };
    const auto fetch_seconds = [&](int i) {
      return static_cast<double>(most - cached[static_cast<std::size_t>(i)]) / config_.fetch_throughput;
    };
    const auto ttft = [&](int i) {
      const std::int64_t found = fetches(i) ? most : cached[static_cast<std::size_t>(i)];
      const std::int64_t to_compute = view.signals(i).prefill_tokens + request.prompt_tokens - found;
      return static_cast<double>(to_compute) / config_.prefill_throughput + (fetches(i) ? fetch_seconds(i) : 0);
    };
    const int best = least_of(view, ttft);
    fetch_ = {};
    if (config_.max_ttft > Duration{} && ttft(best) > to_seconds(config_.max_ttft)) return kRefused;
    if (fetches(best)) fetch_ = {most, duration_from_seconds(fetch_seconds(best))};
    prefixes_.sent(best, request);
    return best;
  }
  void left(int, const Request&) override {}
  [[nodiscard]] Fetch fetch() const override { return fetch_; }

 private:
  const RoutingConfig config_;
  PrefixSight prefixes_;
  Fetch fetch_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_mooncake_router(const RoutingPlace& place) {
  return std::make_unique<Mooncake>(place);
}

}  // namespace foretoken
