// A queue of events whose times change: every event has one place for life and
// is rescheduled there, so nothing stale waits in the heap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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
    const auto handle = static_cast<Handle>(entries_.size());
    const std::int64_t order = (std::int64_t{priority} << 32) + handle;
    entries_.push_back({std::move(event), order, kOut, kNever});
    return handle;
  }

  // Moves the event to `time`; kNever takes it out.
  void schedule(Handle handle, TimePoint time) {
    // Whoever may have changed is asked for its time again; mostly it has not.
    if (entries_[static_cast<std::size_t>(handle)].time != time) move(handle, time);
  }

  [[nodiscard]] bool empty() const { return next_time() == kNever; }
  [[nodiscard]] TimePoint next_time() const {
    if (popped_ == kNone || place_of(popped_) > 0) return time_at(0);
    return std::min(time_at(1), time_at(2));  // the first is out
  }

  // Takes the first event out. Precondition: not empty.
  const Event& pop() {
    if (popped_ != kNone) remove(place_of(popped_));
    popped_ = handle_of(heap_.front());
    Entry& entry = entries_[static_cast<std::size_t>(popped_)];
    entry.time = kNever;
    return entry.event;
  }

 private:
  static constexpr Handle kNone = -1;
  static constexpr std::size_t kOut = static_cast<std::size_t>(-1);

  struct Entry {
    Event event;
    std::int64_t order;  // at one instant: priority, then handle
    std::size_t place;   // in heap_, kOut = not there
    TimePoint time;      // kNever = not scheduled
  };
  struct Due {
    TimePoint time{};
    std::int64_t order = 0;
  };

  [[nodiscard]] std::size_t place_of(Handle handle) const { return entries_[static_cast<std::size_t>(handle)].place; }
  [[nodiscard]] TimePoint time_at(std::size_t place) const { return place < heap_.size() ? heap_[place].time : kNever; }

  void move(Handle handle, TimePoint time) {
    Entry& entry = entries_[static_cast<std::size_t>(handle)];
    entry.time = time;
    if (time == kNever) return remove(entry.place);
    if (handle == popped_) popped_ = kNone;
    if (entry.place == kOut) {
      heap_.emplace_back();
      sift_up(heap_.size() - 1, {time, entry.order});
    } else if (time > heap_[entry.place].time) {
      sift_down(entry.place, {time, entry.order});
    } else {
      sift_up(entry.place, {time, entry.order});
    }
  }

  [[nodiscard]] static Handle handle_of(const Due& due) { return static_cast<Handle>(due.order & 0xffff'ffff); }
  [[nodiscard]] static bool before(const Due& a, const Due& b) {
    return a.time != b.time ? a.time < b.time : a.order < b.order;
  }
  void put(std::size_t place, const Due& due) {
    heap_[place] = due;
    entries_[static_cast<std::size_t>(handle_of(due))].place = place;
  }
  // To `place`, which is free, or to where those above it were.
  void sift_up(std::size_t place, const Due& moving) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / 2;
      if (!before(moving, heap_[parent])) break;
      put(place, heap_[parent]);
      place = parent;
    }
    put(place, moving);
  }
  void sift_down(std::size_t place, const Due& moving) {
    for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], moving)) break;
      put(place, heap_[child]);
      place = child;
    }
    put(place, moving);
  }
  void remove(std::size_t place) {
    entries_[static_cast<std::size_t>(handle_of(heap_[place]))].place = kOut;
    const Due last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    if (place > 0 && before(last, heap_[(place - 1) / 2]))
      sift_up(place, last);
    else
      sift_down(place, last);
  }

  std::vector<Entry> entries_;
  std::vector<Due> heap_;  // with their times beside them: an event moves without a look at its entry
  // Still in the heap until it is scheduled again, as most are before the next is taken out: it then moves once.
  Handle popped_ = kNone;
};

}  // namespace foretoken
