// Autoscalers of serving systems that act on requests in flight: Ray Serve, Knative, KubeAI, AIBrix.
#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "serving/fleet/autoscaler.hpp"

namespace foretoken {
namespace {

// The most that was wanted within a window.
class MostWithin {
 public:
  explicit MostWithin(Duration window) : window_(window) {}
  int of(TimePoint now, int wanted) {
    if (window_ <= Duration{}) return wanted;
    while (!wanted_.empty() && wanted_.front().first <= now - window_) wanted_.pop_front();
    while (!wanted_.empty() && wanted_.back().second <= wanted) wanted_.pop_back();
    wanted_.emplace_back(now, wanted);
    return wanted_.front().second;
  }

 private:
  Duration window_;
  std::deque<std::pair<TimePoint, int>> wanted_;  // falling
};

// ---- Ray Serve: _core_replica_queue_length_policy, _apply_scaling_factors, _apply_delay_logic ----

class Ray final : public Autoscaler {
 public:
  explicit Ray(const AutoscalerConfig& config) : Autoscaler(config) { next_ = TimePoint{} + config.interval; }

 protected:
  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    next_ += config_.interval;
    const double metric_now = metric(now);
    const double total = std::isnan(metric_now) ? 0 : metric_now;
    if (numbers.ready == 0) {
      if (total <= 0) return numbers.wanted;
      return std::min(config_.most, std::max(static_cast<int>(std::ceil(config_.up_factor)), numbers.wanted));
    }
    return delayed(within_bounds(scaled(total / config_.target, numbers.ready)), numbers.wanted);
  }

 private:
  [[nodiscard]] double scaled(double desired, int ready) const {
    const double delta = desired - ready;
    const double result = std::ceil(ready + delta * (delta > 0 ? config_.up_factor : config_.down_factor));
    return std::ceil(desired) < ready && result == ready ? result - 1 : result;
  }
  // Only what is wanted in so many loops in a row is done.
  int delayed(int desired, int wanted) {
    if (desired == wanted) {
      in_a_row_ = 0;
      return wanted;
    }
    const bool up = desired > wanted;
    if (up != (in_a_row_ > 0)) in_a_row_ = 0;
    in_a_row_ += up ? 1 : -1;
    if (!up && wanted > 1) desired = std::max(1, desired);  // to zero only from one
    const Duration delay = up ? config_.up_delay : config_.down_delay;
    if (std::abs(in_a_row_) <= delay / config_.interval) return wanted;
    in_a_row_ = 0;
    return desired;
  }

  std::int64_t in_a_row_ = 0;  // loops that wanted more; less: negative
};

// ---- Knative's KPA: autoscaler.Scale ----

class Knative final : public Autoscaler {
 public:
  explicit Knative(const AutoscalerConfig& config) : Autoscaler(config), longest_wanted_(config.down_delay) {
    next_ = TimePoint{} + config.interval;
  }
  int called(TimePoint) override { return std::max(1, config_.least); }  // by the activator

 protected:
  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    next_ += config_.interval;
    const double stable = metric(now), panic = history_.total(now, config_.panic_window);
    if (std::isnan(stable) || std::isnan(panic)) return numbers.wanted;
    begin(now, numbers);
    const double ready = std::max(1, numbers.ready);
    const double most = std::ceil(config_.up_rate * ready), least = std::floor(ready / config_.down_rate);
    const double by_panic = std::ceil(panic / config_.target);
    int wanted = within_rates(std::ceil(stable / config_.target), least, most);
    const bool over = by_panic / ready >= config_.panic_threshold;
    if (over)
      panics_since_ = now;
    else if (panics_since_ && *panics_since_ + config_.window < now)
      panics_since_.reset(), most_in_panic_ = 0;
    if (panics_since_) {
      wanted = std::max(wanted, within_rates(by_panic, least, most));
      most_in_panic_ = std::max(most_in_panic_, wanted);
      wanted = most_in_panic_;
    }
    wanted = longest_wanted_.of(now, wanted);
    return to_zero(now, wanted, numbers.wanted);
  }

 private:
  // It begins in panic where there is more than one: without a history nobody may go.
  void begin(TimePoint now, const ReplicaNumbers& numbers) {
    if (begun_) return;
    begun_ = true;
    if (numbers.ready <= 1) return;
    panics_since_ = now;
    most_in_panic_ = numbers.ready;
  }
  static int within_rates(double desired, double least, double most) {
    return static_cast<int>(std::min(std::max(desired, least), most));
  }
  // Who is not wanted any more goes after the grace period, the last one too.
  int to_zero(TimePoint now, int desired, int wanted) {
    if (desired > 0 || config_.least > 0 || wanted == 0) {
      zero_since_.reset();
      return within_bounds(desired);
    }
    if (!zero_since_) zero_since_ = now;
    return now - *zero_since_ >= config_.zero_grace ? 0 : 1;
  }

  bool begun_ = false;
  std::optional<TimePoint> panics_since_;
  int most_in_panic_ = 0;
  std::optional<TimePoint> zero_since_;
  MostWithin longest_wanted_;
};

// ---- KubeAI ----

class KubeAi final : public Autoscaler {
 public:
  explicit KubeAi(const AutoscalerConfig& config) : Autoscaler(config) { next_ = TimePoint{} + config.interval; }
  int called(TimePoint) override { return 1; }

 protected:
  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    next_ += config_.interval;
    seen_ = history_.total_with_zeros(now, config_.window);
    const int desired = within_bounds(std::ceil(seen_ / config_.target));
    if (desired >= numbers.wanted) {
      fewer_in_a_row_ = 0;
      return desired;
    }
    return ++fewer_in_a_row_ >= config_.down_delay / config_.interval ? (fewer_in_a_row_ = 0, desired) : numbers.wanted;
  }

 private:
  std::int64_t fewer_in_a_row_ = 0;
};

// ---- AIBrix's APA ----

class AibrixApa final : public Autoscaler {
 public:
  explicit AibrixApa(const AutoscalerConfig& config) : Autoscaler(config), longest_wanted_(config.down_delay) {
    next_ = TimePoint{} + config.interval;
  }

 protected:
  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    next_ += config_.interval;
    const double total = metric(now);
    if (std::isnan(total) || numbers.ready == 0) return numbers.wanted == 0 && total > 0 ? 1 : numbers.wanted;
    const double ready = numbers.ready, ratio = total / (config_.target * ready);
    int desired = numbers.ready;
    if (ratio > 1 + config_.tolerance)
      desired = static_cast<int>(std::min(std::ceil(ready * ratio), std::ceil(config_.up_rate * ready)));
    else if (ratio < 1 - config_.tolerance)
      desired = static_cast<int>(std::max(std::ceil(ready * ratio), std::floor(ready / config_.down_rate)));
    return within_bounds(longest_wanted_.of(now, desired));
  }

 private:
  MostWithin longest_wanted_;
};

}  // namespace

std::unique_ptr<Autoscaler> make_ray(const AutoscalerConfig& config) {
  return std::make_unique<Ray>(config);
}
std::unique_ptr<Autoscaler> make_knative(const AutoscalerConfig& config) {
  return std::make_unique<Knative>(config);
}
std::unique_ptr<Autoscaler> make_kubeai(const AutoscalerConfig& config) {
  return std::make_unique<KubeAi>(config);
}
std::unique_ptr<Autoscaler> make_aibrix_apa(const AutoscalerConfig& config) {
  return std::make_unique<AibrixApa>(config);
}

}  // namespace foretoken
