// Replicas that were added get their share of the requests little by little (Envoy's and nginx's slow start).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/math.hpp"
#include "foretoken/serving/engine_config.hpp"

namespace foretoken {

// For `window` after a replica got ready its weight is max(least, (age / window)^(1 / aggression)) of its own (Envoy;
// without its first second, which counts there as whole), and its share of the requests is that of its weight among
// those of all that take requests. A policy may choose it only as often as that share allows: whatever looks empty,
// cold or stale to it, no more goes there. Replicas that are not new are always candidates; where all are new, those
// that have had the least of their shares.
class SlowStart {
 public:
  // weights: of the candidates, relative; empty: equal.
  SlowStart(const RoutingConfig& routing, std::vector<double> weights)
      : window_(routing.slow_start),
        least_(routing.slow_start_min_weight),
        power_(1 / routing.slow_start_aggression),
        weights_(std::move(weights)) {}

  // The candidate takes requests from now on.
  void begins(int candidate, TimePoint now) {
    std::erase_if(new_, [&](const New& n) { return n.candidate == candidate; });
    new_.push_back({candidate, now});
  }
  // Whether anybody is new. Who is so no longer is forgotten.
  [[nodiscard]] bool is_on(TimePoint now) {
    std::erase_if(new_, [&](const New& n) { return n.since + window_ <= now; });
    return !new_.empty();
  }
  // One request more is there: who may be chosen of those that take requests. Precondition: is_on(now), some take.
  [[nodiscard]] const std::vector<std::uint8_t>& among(const std::vector<std::uint8_t>& takes, TimePoint now) {
    may_ = takes;
    double all = 0;
    int others = 0, fresh = 0;
    for (std::size_t i = 0; i < takes.size(); ++i) {
      all += takes[i] != 0 ? weight_of(i) : 0;
      others += takes[i];
    }
    for (const New& n : new_) {
      if (takes[place(n)] == 0) continue;
      all -= weight_of(place(n)) * (1 - share(n, now));
      --others;
      ++fresh;
    }
    double most = std::numeric_limits<double>::lowest();
    for (New& n : new_) {
      if (takes[place(n)] == 0) continue;
      // Where none has a weight yet, they are equal.
      n.owed += all > 0 ? weight_of(place(n)) * share(n, now) / all : others > 0 ? 0 : 1.0 / fresh;
      most = std::max(most, n.owed);
    }
    const double enough = others > 0 ? 1 : most;
    for (const New& n : new_) may_[place(n)] = takes[place(n)] != 0 && n.owed >= enough - kRounding ? 1 : 0;
    return may_;
  }
  void sent(int candidate) {
    for (New& n : new_) n.owed -= n.candidate == candidate ? 1 : 0;
  }

 private:
  static constexpr double kRounding = 1e-9;
  struct New {
    int candidate;
    TimePoint since;
    double owed = 0;  // requests that it might have got, less those that it did
  };
  static std::size_t place(const New& n) { return static_cast<std::size_t>(n.candidate); }
  [[nodiscard]] double weight_of(std::size_t candidate) const {
    return candidate < weights_.size() ? weights_[candidate] : 1;
  }
  [[nodiscard]] double share(const New& n, TimePoint now) const {
    const double age = static_cast<double>((now - n.since).count()) / static_cast<double>(window_.count());
    return std::min(1.0, std::max(least_, power_ == 1 ? age : exact_pow(age, power_)));
  }

  Duration window_;
  double least_, power_;
  std::vector<double> weights_;
  std::vector<New> new_;
  std::vector<std::uint8_t> may_;  // be chosen
};

}  // namespace foretoken
