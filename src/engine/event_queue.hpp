// A queue of events whose times change: every event has one place for life and
// is rescheduled there, so nothing stale waits in the heap.
#pragma once

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/base/units.hpp"

namespace foretoken {

// Orders by (time, priority, handle): at one instant the smaller priority goes
// first, then the event that was added first. `Event` is the caller's variant.
template <class Event>
class EventQueue {
 public:
  using Handle = std::int32_t;

  // A new event, not scheduled yet.
  Handle add(Event event, int priority) {
    entries_.push_back({std::move(event), priority, kNever, -1});
    return static_cast<Handle>(entries_.size() - 1);
  }

  // Moves the event to `time`; kNever takes it out.
  void schedule(Handle handle, TimePoint time) {
    Entry& entry = entries_[static_cast<std::size_t>(handle)];
    if (handle == popped_) {  // moves within the heap, instead of out and in again
      if (time == kNever) return;
      popped_ = kNone;
    } else if (entry.time == time) {
      return;
    }
    const bool later = time > entry.time;
    entry.time = time;
    if (entry.place < 0) {
      entry.place = static_cast<std::int32_t>(heap_.size());
      heap_.push_back(handle);
      sift_up(entry.place);
    } else if (time == kNever) {
      remove(entry.place);
    } else if (later) {
      sift_down(entry.place);
    } else {
      sift_up(entry.place);
    }
  }

  [[nodiscard]] bool empty() {
    settle();
    return heap_.empty();
  }
  [[nodiscard]] TimePoint next_time() {
    settle();
    return heap_.empty() ? kNever : entries_[static_cast<std::size_t>(heap_.front())].time;
  }

  // Takes the first event out. Precondition: not empty.
  const Event& pop() {
    settle();
    popped_ = heap_.front();
    return entries_[static_cast<std::size_t>(popped_)].event;
  }

 private:
  static constexpr Handle kNone = -1;

  struct Entry {
    Event event;
    int priority = 0;
    TimePoint time{};
    std::int32_t place = -1;  // in heap_, -1 = not scheduled
  };

  // Removes the event popped last, unless it has been scheduled again.
  void settle() {
    if (popped_ == kNone) return;
    Entry& entry = entries_[static_cast<std::size_t>(popped_)];
    popped_ = kNone;
    entry.time = kNever;
    remove(entry.place);
  }
  [[nodiscard]] Entry& at(std::int32_t place) {
    return entries_[static_cast<std::size_t>(heap_[static_cast<std::size_t>(place)])];
  }
  [[nodiscard]] bool before(Handle a, Handle b) const {
    const Entry& x = entries_[static_cast<std::size_t>(a)];
    const Entry& y = entries_[static_cast<std::size_t>(b)];
    if (x.time != y.time) return x.time < y.time;
    return std::tie(x.priority, a) < std::tie(y.priority, b);
  }
  void put(std::int32_t place, Handle handle) {
    heap_[static_cast<std::size_t>(place)] = handle;
    entries_[static_cast<std::size_t>(handle)].place = place;
  }
  void sift_up(std::int32_t place) {
    const Handle moving = heap_[static_cast<std::size_t>(place)];
    while (place > 0) {
      const std::int32_t parent = (place - 1) / 2;
      const Handle above = heap_[static_cast<std::size_t>(parent)];
      if (!before(moving, above)) break;
      put(place, above);
      place = parent;
    }
    put(place, moving);
  }
  void sift_down(std::int32_t place) {
    const auto size = static_cast<std::int32_t>(heap_.size());
    const Handle moving = heap_[static_cast<std::size_t>(place)];
    for (std::int32_t child = 2 * place + 1; child < size; child = 2 * place + 1) {
      if (child + 1 < size &&
          before(heap_[static_cast<std::size_t>(child) + 1], heap_[static_cast<std::size_t>(child)]))
        ++child;
      const Handle below = heap_[static_cast<std::size_t>(child)];
      if (!before(below, moving)) break;
      put(place, below);
      place = child;
    }
    put(place, moving);
  }
  void remove(std::int32_t place) {
    at(place).place = -1;
    const Handle last = heap_.back();
    heap_.pop_back();
    if (place == static_cast<std::int32_t>(heap_.size())) return;
    put(place, last);
    sift_up(place);
    sift_down(entries_[static_cast<std::size_t>(last)].place);
  }

  std::vector<Entry> entries_;
  std::vector<Handle> heap_;
  Handle popped_ = kNone;  // still in the heap, first, until settle()
};

}  // namespace foretoken
