// Kubernetes' HorizontalPodAutoscaler, and KEDA with one behind it.
#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "serving/fleet/autoscaler.hpp"

namespace foretoken {
namespace {

// Without `behavior`: at most twice as many, or four (scaleUpLimitFactor, scaleUpLimitMinimum).
int legacy_limit(int current) {
  return std::max(2 * current, 4);
}

class Hpa final : public Autoscaler {
 public:
  explicit Hpa(const AutoscalerConfig& config) : Autoscaler(config), polls_(config.policy == AutoscalerPolicy::keda) {}

 protected:
  TimePoint next_decision() const override { return polls_ ? std::min(next_, next_poll_) : next_; }

  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    int wanted = numbers.wanted;
    if (polls_ && next_poll_ <= now) {
      wanted = poll(now, wanted);
      next_poll_ += config_.polling;
    }
    if (next_ <= now) {
      next_ += config_.interval;
      // At 0 replicas an HPA with a minimum is switched off.
      if (wanted > 0) wanted = sync(now, wanted, numbers);
    }
    return wanted;
  }

 private:
  struct At {
    TimePoint at;
    int replicas;
  };

  [[nodiscard]] int least() const { return polls_ ? std::max(1, config_.least) : config_.least; }

  // ---- KEDA ----

  // Between 0 and 1; the rest is the HPA's.
  int poll(TimePoint now, int wanted) {
    const double value = metric(now);
    if (std::isnan(value)) return wanted;
    if (value > config_.activation) {
      last_active_ = now;
      return wanted == 0 ? least() : wanted;
    }
    if (config_.least == 0 && wanted > 0 && now > last_active_ + config_.cooldown) return 0;
    return wanted;
  }

  // ---- one sync of the HPA ----

  int sync(TimePoint now, int current, const ReplicaNumbers& numbers) {
    if (recommended_.empty()) recommended_.push_back({now, current});
    if (current > config_.most) return changed(now, current, config_.most);
    if (current < least()) return changed(now, current, least());
    const int proposed = config_.per_replica ? by_pods(now, current, numbers) : by_fleet(now, current);
    if (proposed < 0) return current;  // without a metric nothing happens
    const int wanted = config_.behaves ? by_behavior(now, current, proposed) : by_default(now, current, proposed);
    return changed(now, current, wanted);
  }

  [[nodiscard]] bool tolerates(double ratio) const { return std::abs(1 - ratio) <= config_.tolerance; }

  // An External metric with an AverageValue.
  int by_fleet(TimePoint now, int current) {
    const double total = metric(now);
    if (std::isnan(total)) return -1;
    if (tolerates(total / (config_.target * current))) return current;
    return static_cast<int>(std::ceil(std::min(total / config_.target, 1e6)));
  }

  // A Pods metric, of which pods that start have no value: those of which nothing runs yet are unready, others missing.
  int by_pods(TimePoint now, int current, const ReplicaNumbers& numbers) {
    const MetricSample* sample = history_.newest(now);
    seen_ = sample != nullptr && sample->reporting > 0 ? sample->sum / static_cast<double>(sample->reporting)
                                                       : std::nan("");
    if (std::isnan(seen_)) return -1;
    const int there = numbers.ready + numbers.starting + numbers.pending;
    const int reporting = std::max(1, static_cast<int>(std::min<std::int64_t>(sample->reporting, there)));
    const int missing = std::max(0, there - numbers.pending - reporting);
    const double ratio = seen_ / config_.target;
    const bool counts_unready = numbers.pending > 0 && ratio > 1;
    if (!counts_unready && missing == 0) {
      return tolerates(ratio) ? current : static_cast<int>(std::ceil(ratio * reporting));
    }
    const int pods = reporting + missing + (counts_unready ? numbers.pending : 0);
    const double assumed = ratio < 1 ? missing : 0;  // in targets
    const double again = (ratio * reporting + assumed) / pods;
    if (tolerates(again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) return current;
    const int replicas = static_cast<int>(std::ceil(again * pods));
    return (again < 1 && replicas > current) || (again > 1 && replicas < current) ? current : replicas;
  }

  // stabilizeRecommendation, then convertDesiredReplicasWithRules.
  int by_default(TimePoint now, int current, int proposed) {
    while (!recommended_.empty() && recommended_.front().at < now - config_.stabilization) recommended_.pop_front();
    int most = proposed;
    for (const At& r : recommended_) most = std::max(most, r.replicas);
    recommended_.push_back({now, proposed});
    return std::clamp(most, least(), std::max(least(), std::min(config_.most, legacy_limit(current))));
  }

  // stabilizeRecommendationWithBehaviors, then convertDesiredReplicasWithBehaviorRate.
  int by_behavior(TimePoint now, int current, int proposed) {
    int up = proposed, down = proposed;
    for (const At& r : recommended_) {
      if (r.at > now - config_.up.window) up = std::min(up, r.replicas);
      if (r.at > now - config_.down.window) down = std::max(down, r.replicas);
    }
    const TimePoint oldest = now - std::max(config_.up.window, config_.down.window);
    while (!recommended_.empty() && recommended_.front().at < oldest) recommended_.pop_front();
    recommended_.push_back({now, proposed});
    const int stable = std::min(std::max(current, up), down);
    if (stable > current)
      return std::min({stable, config_.most, std::max(current, limit(now, current, config_.up, added_, 1))});
    if (stable < current)
      return std::max({stable, least(), std::min(current, limit(now, current, config_.down, removed_, -1))});
    return current;
  }

  // How many there may be by the limits of one direction (+1, -1), with what changed that way within their periods.
  static int limit(TimePoint now, int current, const ScalingRules& rules, const std::deque<At>& changes,
                   int direction) {
    if (rules.disabled) return current;
    if (rules.limits.empty()) return direction > 0 ? kNoLimit : 0;
    double most = 0;
    bool first = true;
    for (const ScalingLimit& l : rules.limits) {
      int changed = 0;
      for (const At& change : changes) changed += change.at > now - l.period ? change.replicas : 0;
      const int at_start = current - direction * changed;
      const double by = l.percent ? at_start * (1 + direction * l.value / 100) : at_start + direction * l.value;
      // Rounded so that a share of few replicas lets at least one more come.
      const double allowed = direction > 0 ? std::ceil(by) : std::trunc(by);
      const bool takes_larger = (direction > 0) != rules.least;
      most = first ? allowed : takes_larger ? std::max(most, allowed) : std::min(most, allowed);
      first = false;
    }
    return static_cast<int>(std::clamp(most, 0.0, static_cast<double>(kNoLimit)));
  }

  int changed(TimePoint now, int current, int wanted) {
    if (!config_.behaves || wanted == current) return wanted;
    std::deque<At>& changes = wanted > current ? added_ : removed_;
    changes.push_back({now, std::abs(wanted - current)});
    Duration longest{};
    for (const ScalingLimit& l : (wanted > current ? config_.up : config_.down).limits)
      longest = std::max(longest, l.period);
    while (changes.front().at <= now - longest && changes.size() > 1) changes.pop_front();
    return wanted;
  }

  static constexpr int kNoLimit = std::numeric_limits<int>::max() / 4;
  const bool polls_;
  TimePoint next_poll_{};
  TimePoint last_active_{};
  std::deque<At> recommended_;  // in order of time
  std::deque<At> added_, removed_;
};

}  // namespace

std::unique_ptr<Autoscaler> make_hpa(const AutoscalerConfig& config) {
  return std::make_unique<Hpa>(config);
}

}  // namespace foretoken
