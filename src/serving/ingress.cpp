// Requests on their way from the client to the scheduler.
#include "serving/ingress.hpp"

namespace foretoken {

TimePoint DelayedSource::next_arrival() const {
  if (!on_the_way_.empty()) return on_the_way_.front().arrival + delay_;
  const TimePoint next = inner_.next_arrival();
  return next == kNever ? kNever : next + delay_;
}

Request DelayedSource::take() {
  Request request;
  if (on_the_way_.empty()) {
    request = inner_.take();
  } else {
    request = on_the_way_.front();
    on_the_way_.pop_front();
  }
  request.arrival += delay_;
  return request;
}

// What was sent before this finish is on its way; the finish may not hold it back.
void DelayedSource::completed(const Request& request, TimePoint now) {
  while (inner_.next_arrival() < now) on_the_way_.push_back(inner_.take());
  Request sent = request;
  sent.arrival -= delay_;
  inner_.completed(sent, now);
}

void DelayedObserver::on_request(const RequestRecord& record) {
  RequestRecord seen = record;
  seen.request.arrival -= delay_;
  const auto overhead = static_cast<std::size_t>(AttributionPart::engine_overhead);
  if (record.outcome == Outcome::finished) seen.ttft_parts[overhead] += delay_;
  if (record.outcome == Outcome::finished || record.outcome == Outcome::timed_out) seen.e2e_parts[overhead] += delay_;
  inner_.on_request(seen);
}

}  // namespace foretoken
