// Signals of a replica as it publishes them: every period, and seen a delay later.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// Nobody runs at the instants of publication: what a replica was like then follows, until its next change, from its
// closed form. So it is asked before each change for the publications since the last one. What is published at an
// instant is the state after all events of that instant but the schedule calls, and a router sees it from the next
// instant on.
class SignalBoard {
 public:
  // Publications stand at phase + k * period. Precondition: period > 0, 0 <= phase < period, delay >= 0.
  SignalBoard(Duration period, Duration phase, Duration delay)
      : period_(period), phase_(phase), delay_(delay), done_(TimePoint{} + phase - period) {}

  // Each of so many replicas publishes at a time of its own within the period, or all together. None: the router sees
  // replicas as they are. What is only delayed is published every millisecond.
  static std::optional<SignalBoard> of(const RoutingConfig& routing, int replica, int replicas) {
    if (std::max(routing.signal_period, routing.signal_delay) <= Duration{}) return std::nullopt;
    const Duration period = std::max<Duration>(routing.signal_period, std::chrono::milliseconds{1});
    const Duration phase = routing.signals_together ? Duration{} : period * replica / replicas;
    return SignalBoard(period, phase, routing.signal_delay);
  }

  // The replica changes at `now` (`also_at`: after what happens at `now`); state(t) is what it was like at t <= now.
  template <class State>
  void catch_up(TimePoint now, bool also_at, State state) {
    const TimePoint last = also_at ? last_before(now + Duration{1}) : last_before(now);
    if (last <= done_) return;
    // Of the publications that are missing, those that somebody may still see.
    const TimePoint first_seen = std::max(done_ + period_, last_before(now - delay_));
    for (TimePoint at = first_seen; at <= last; at += period_) publications_.push_back(published(at, state(at)));
    done_ = last;
    forget(now);
  }
  // Zeros: nothing has reached the router yet. Precondition: caught up.
  [[nodiscard]] ReplicaSignals seen(TimePoint now) const {
    ReplicaSignals seen;
    for (const ReplicaSignals& p : publications_) {
      if (p.as_of >= now - delay_) break;
      seen = p;
    }
    return seen;
  }

  // How old the signals are that are seen now; empty: nothing has reached the router yet. Precondition: caught up.
  [[nodiscard]] std::optional<Duration> age(TimePoint now) const {
    std::optional<Duration> age;
    for (const ReplicaSignals& p : publications_) {
      if (p.as_of >= now - delay_) break;
      age = now - p.as_of;
    }
    return age;
  }

 private:
  // The last publication before `t`; before the first one, one that never was.
  [[nodiscard]] TimePoint last_before(TimePoint t) const {
    const Duration since = t - TimePoint{} - phase_ - Duration{1};
    const std::int64_t periods = since < Duration{} ? -1 : since / period_;
    return TimePoint{} + phase_ + periods * period_;
  }
  static ReplicaSignals published(TimePoint at, ReplicaSignals signals) {
    signals.as_of = at;
    return signals;
  }
  void forget(TimePoint now) {
    while (publications_.size() > 1 && publications_[1].as_of < now - delay_) publications_.pop_front();
  }

  Duration period_, phase_, delay_;
  TimePoint done_;                           // the last publication
  std::deque<ReplicaSignals> publications_;  // in order, the last that is seen now and later ones
};

}  // namespace foretoken
