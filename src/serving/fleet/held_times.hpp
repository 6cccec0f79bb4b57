// Between a cluster whose replicas come and go and its observer: what requests waited for a replica is a part of its
// own.
#pragma once

#include <algorithm>
#include <unordered_map>

#include "foretoken/serving/observer.hpp"

namespace foretoken {

// To engines a request that was held comes later: what it waited before them is in what they call overhead, and of one
// that no engine has seen in its queue. Here it is taken out of these.
class HeldTimes final : public Observer {
 public:
  explicit HeldTimes(Observer& observer) : observer_(observer) {}

  void waited(std::int64_t request, Duration time) {
    if (time > Duration{}) times_[request] += time;
  }
  void on_request(const RequestRecord& record) override {
    const auto at = times_.find(record.request.index);
    if (at == times_.end()) return observer_.on_request(record);
    RequestRecord own = record;
    move(own.ttft_parts, at->second);
    move(own.e2e_parts, at->second);
    times_.erase(at);
    observer_.on_request(own);
  }
  void on_steps(const StepSpan& span) override { observer_.on_steps(span); }
  void on_answer(const RequestRecord& answer) override { observer_.on_answer(answer); }
  void on_gap(Duration gap, std::int64_t rows) override { observer_.on_gap(gap, rows); }
  [[nodiscard]] bool wants_lifecycle() const override { return observer_.wants_lifecycle(); }
  void on_lifecycle(const LifecycleEvent& event) override { observer_.on_lifecycle(event); }

 private:
  // Nothing of parts that were never told.
  static void move(Attribution& parts, Duration time) {
    for (const AttributionPart from : {AttributionPart::engine_overhead, AttributionPart::queue}) {
      Duration& there = parts[static_cast<std::size_t>(from)];
      const Duration taken = std::min(there, time);
      there -= taken;
      time -= taken;
      parts[static_cast<std::size_t>(AttributionPart::fleet_wait)] += taken;
    }
  }

  Observer& observer_;
  std::unordered_map<std::int64_t, Duration> times_;  // by request in the system; never iterated
};

}  // namespace foretoken
