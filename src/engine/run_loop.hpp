// The discrete-event loop: all events of an instant, then one look at the whole.
#pragma once

#include <variant>

#include "engine/event_queue.hpp"

namespace foretoken {

// Handles the events before `until` in order, or until `handler.stopped(time of the next)`. `handler(event, now)`
// is called for each; events it schedules at the same instant still belong to it.
// `handler.instant_over(now)` follows, and may schedule at `now` or later.
// Returns false when stopped. Throws InternalError when time would run backwards.
template <class Event, class Handler>
bool run_events(EventQueue<Event>& queue, Handler& handler, TimePoint until = kNever) {
  TimePoint now = TimePoint::min();
  for (TimePoint next = queue.next_time(); next < until; next = queue.next_time()) {
    if (handler.stopped(next)) return false;
    invariant(next >= now, "simulated time ran backwards");
    now = next;
    do {
      // A copy: the handler may add events, which moves the queue's store.
      const Event event = queue.pop();
      std::visit([&](const auto& e) { handler(e, now); }, event);
    } while (queue.next_time() == now);
    handler.instant_over(now);
  }
  return true;
}

}  // namespace foretoken
