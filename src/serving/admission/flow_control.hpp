// Requests that wait before the router while the replicas are saturated, the most urgent first (llm-d's flow control).
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

class FlowControl {
 public:
  explicit FlowControl(const AdmissionConfig& config) : most_(config.queue_requests), longest_(config.queue_timeout) {}

  // False: the band of its priority is full.
  [[nodiscard]] bool enter(const Request& request, TimePoint now) {
    std::deque<Waiting>& band = bands_[request.priority];
    if (static_cast<std::int64_t>(band.size()) >= most_) return false;
    band.push_back({request, now + longest_});
    ++waiting_;
    return true;
  }
  [[nodiscard]] bool empty() const { return waiting_ == 0; }
  // The first of the most urgent band. Precondition: somebody waits.
  Request take() {
    const auto band = std::find_if(bands_.begin(), bands_.end(), [](const auto& b) { return !b.second.empty(); });
    return leave(band->second, band->second.begin());
  }
  // When the first has waited too long.
  [[nodiscard]] TimePoint next_timeout() const {
    TimePoint next = kNever;
    for (const auto& [priority, band] : bands_) {
      if (!band.empty()) next = std::min(next, band.front().until);
    }
    return next;
  }
  // One who has waited too long, the most urgent band first; empty when there is none.
  std::optional<Request> take_expired(TimePoint now) {
    for (auto& [priority, band] : bands_) {
      if (!band.empty() && band.front().until <= now) return leave(band, band.begin());
    }
    return std::nullopt;
  }
  // The request of this index goes; empty when it does not wait here.
  std::optional<Request> remove(std::int64_t index) {
    for (auto& [priority, band] : bands_) {
      const auto place =
          std::find_if(band.begin(), band.end(), [&](const Waiting& w) { return w.request.index == index; });
      if (place != band.end()) return leave(band, place);
    }
    return std::nullopt;
  }
  // When one more may go, after `now`: the cycles are so far apart.
  [[nodiscard]] static TimePoint next_cycle(TimePoint now) {
    constexpr std::int64_t kCycle = 1'000'000;
    return TimePoint{Duration{(now.time_since_epoch().count() / kCycle + 1) * kCycle}};
  }

 private:
  struct Waiting {
    Request request;
    TimePoint until;
  };
  Request leave(std::deque<Waiting>& band, std::deque<Waiting>::iterator place) {
    const Request request = place->request;
    band.erase(place);
    --waiting_;
    return request;
  }

  std::int64_t most_;  // of a band
  Duration longest_;
  std::map<std::int16_t, std::deque<Waiting>> bands_;  // by priority, in the order in which they came: of leaving, too
  std::int64_t waiting_ = 0;
};

}  // namespace foretoken
