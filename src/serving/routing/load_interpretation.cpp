// Old loads read for what they are: Dahlin's load interpretation, with the rate that the router sees itself.
#include "serving/routing/load_interpretation.hpp"

#include "base/random.hpp"
#include "serving/routing/best_of.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class LoadInterpretation final : public RoutingPolicy {
 public:
  explicit LoadInterpretation(const RoutingPlace& place)
      : random_(place.config.seed, "router"),
        period_(std::max(place.config.signal_period, place.config.signal_delay)) {}

  int choose(const Request&, const ClusterView& view) override {
    const std::vector<int> all = takers(view);
    std::vector<double> loads;
    for (const int i : all) {
      const ReplicaSignals s = view.signals(i);
      loads.push_back(static_cast<double>(s.waiting + s.running));
    }
    if (seen_ == 0) first_ = view.now();
    const double since = to_seconds(view.now() - first_);
    const double rate = since > 0 ? static_cast<double>(seen_) / since : 0;
    ++seen_;
    const std::vector<double> shares = interpreted_shares(loads, rate * to_seconds(period_));
    double left = random_.uniform();
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] <= 0) continue;
      chosen = i;
      left -= shares[i];
      if (left < 0) break;
    }
    return all[chosen];
  }
  void left(int, const Request&) override {}

 private:
  RandomStream random_;
  Duration period_;
  TimePoint first_{};
  std::int64_t seen_ = 0;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_load_interpretation(const RoutingPlace& place) {
  return std::make_unique<LoadInterpretation>(place);
}

}  // namespace foretoken
