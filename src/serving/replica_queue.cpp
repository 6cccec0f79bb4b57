// Requests that give up waiting, and those the engine refuses.
#include "serving/replica.hpp"

namespace foretoken {

const Waiting* Replica::longest_waiting() const {
  const Waiting* in_queue = state_.waiting_->oldest();
  return in_queue != nullptr || inbox_.empty() ? in_queue : &inbox_.front();
}

TimePoint Replica::next_timeout() const {
  if (state_.config.queue_timeout <= Duration{}) return kNever;
  const Waiting* oldest = longest_waiting();
  return oldest == nullptr ? kNever : oldest->request.arrival + state_.config.queue_timeout;
}

void Replica::expire(TimePoint now) {
  while (next_timeout() <= now) {
    const Waiting gone = *longest_waiting();
    const bool was_in_queue = state_.waiting_->oldest() != nullptr;
    const bool was_head = was_in_queue && state_.waiting_->head()->request.index == gone.request.index;
    if (was_in_queue) state_.waiting_->pop_oldest();
    else inbox_.pop_front();
    Attribution parts{};
    const Duration blocked = kv_wait_.at(now) - gone.kv_wait_mark;
    parts[static_cast<std::size_t>(AttributionPart::kv_wait)] = blocked;
    parts[static_cast<std::size_t>(AttributionPart::queue)] = now - gone.request.arrival - blocked;
    refuse(gone.request, Outcome::timed_out, now, parts);
    if (was_head) cut(now);
  }
}

void Replica::refuse(const Request& request, Outcome outcome, TimePoint now, Attribution parts) {
  RequestRecord record;
  record.request = request;
  record.outcome = outcome;
  record.replica = index_;
  record.finish = now;
  record.e2e_parts = parts;
  observer_.on_request(record);
  listener_.departed(index_, request, outcome, now);
}

}  // namespace foretoken
