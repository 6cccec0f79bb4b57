// The time between a client's send and the moment the scheduler knows the request (HTTP, tokenisation,
// hand-over between processes): requests reach the cluster later than they were sent, all by the same.
#pragma once

#include <deque>

#include "foretoken/serving/observer.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// Requests of `inner`, each `delay` after it was sent. Their `arrival` is when they come out.
class DelayedSource final : public RequestSource {
 public:
  DelayedSource(RequestSource& inner, Duration delay) : inner_(inner), delay_(delay) {}
  [[nodiscard]] TimePoint next_arrival() const override;
  Request take() override;
  void completed(const Request& request, TimePoint now) override;
  [[nodiscard]] const PrefixTable* prefixes() const override { return inner_.prefixes(); }
  [[nodiscard]] Diagnostics problems() override { return inner_.problems(); }

 private:
  RequestSource& inner_;
  Duration delay_;
  std::deque<Request> on_the_way_;
};

// What happens to them, told as the client sees it: `arrival` is the send, and the delay is engine overhead.
class DelayedObserver final : public Observer {
 public:
  DelayedObserver(Observer& inner, Duration delay) : inner_(inner), delay_(delay) {}
  void on_request(const RequestRecord& record) override;
  void on_steps(const StepSpan& span) override { inner_.on_steps(span); }
  void on_gap(Duration gap, std::int64_t rows) override { inner_.on_gap(gap, rows); }
  [[nodiscard]] bool wants_lifecycle() const override { return inner_.wants_lifecycle(); }
  void on_lifecycle(const LifecycleEvent& event) override { inner_.on_lifecycle(event); }

 private:
  Observer& inner_;
  Duration delay_;
};

}  // namespace foretoken
