// Requests that wait before the router while the replicas are saturated, the most urgent first (llm-d's flow control).
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "foretoken/serving/engine_config.hpp"
#include "serving/fleet/lobby.hpp"

namespace foretoken {

class FlowControl {
 public:
  explicit FlowControl(const AdmissionConfig& config) : most_(config.queue_requests), longest_(config.queue_timeout) {}

  // False: the band of its priority is full.
  [[nodiscard]] bool enter(const Request& request, TimePoint now) {
    return bands_.try_emplace(request.priority, most_, longest_).first->second.hold(request, now);
  }
  [[nodiscard]] bool empty() const {
    return std::all_of(bands_.begin(), bands_.end(), [](const auto& b) { return b.second.empty(); });
  }
  // The first of the most urgent band. Precondition: somebody waits.
  Request take() {
    return std::find_if(bands_.begin(), bands_.end(), [](const auto& b) { return !b.second.empty(); })
        ->second.take()
        .request;
  }
  // When the first has waited too long.
  [[nodiscard]] TimePoint next_timeout() const {
    TimePoint next = kNever;
    for (const auto& [priority, band] : bands_) next = std::min(next, band.next_timeout());
    return next;
  }
  // One who has waited too long, the most urgent band first; empty when there is none.
  std::optional<Request> take_expired(TimePoint now) {
    for (auto& [priority, band] : bands_) {
      if (band.next_timeout() <= now) return band.take().request;
    }
    return std::nullopt;
  }
  // The request of this index goes; empty when it does not wait here.
  std::optional<Request> remove(std::int64_t index) {
    for (auto& [priority, band] : bands_) {
      if (const std::optional<Lobby::Held> gone = band.remove(index)) return gone->request;
    }
    return std::nullopt;
  }
  // When one more may go, after `now`: the cycles are so far apart.
  [[nodiscard]] static TimePoint next_cycle(TimePoint now) {
    constexpr std::int64_t kCycle = 1'000'000;
    return TimePoint{Duration{(now.time_since_epoch().count() / kCycle + 1) * kCycle}};
  }

 private:
  std::int64_t most_;  // of a band
  Duration longest_;
  std::map<std::int16_t, Lobby> bands_;  // by priority
};

}  // namespace foretoken
