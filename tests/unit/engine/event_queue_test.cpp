// The queue against a list that is searched: the same order, whatever is scheduled, moved and taken out at an instant.
#include "engine/event_queue.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "base/random.hpp"

namespace foretoken {
namespace {

TimePoint at(std::int64_t ns) {
  return TimePoint{Duration{ns}};
}

struct Expected {
  TimePoint time = kNever;
  int priority = 0;
};

// The handle of the first; -1 = none is scheduled.
int first_of(const std::vector<Expected>& events) {
  int first = -1;
  for (int i = 0; i < static_cast<int>(events.size()); ++i) {
    const Expected& e = events[static_cast<std::size_t>(i)];
    if (e.time == kNever) continue;
    const auto before = [&](const Expected& other) {
      return e.time != other.time ? e.time < other.time : e.priority < other.priority;
    };
    if (first < 0 || before(events[static_cast<std::size_t>(first)])) first = i;
  }
  return first;
}

TEST(EventQueue, GivesTheFirstByTimePriorityAndAge) {
  EventQueue<int> queue;
  const auto late = queue.add(0, 0), second = queue.add(1, 2), first = queue.add(2, 1), third = queue.add(3, 2);
  queue.schedule(late, at(9));
  for (const auto handle : {second, first, third}) queue.schedule(handle, at(5));
  std::vector<int> order;
  while (!queue.empty()) order.push_back(queue.pop());
  EXPECT_THAT(order, ::testing::ElementsAre(2, 1, 3, 0));
}

TEST(EventQueue, LetsAnEventOfItsInstantGoBeforeTheOneThatWasTakenOut) {
  EventQueue<int> queue;
  const auto low = queue.add(0, 3), high = queue.add(1, 0);
  queue.schedule(low, at(5));
  EXPECT_EQ(queue.pop(), 0);
  queue.schedule(high, at(5));  // its place is before that of the one that is out
  EXPECT_EQ(queue.next_time(), at(5));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.next_time(), kNever);
  queue.schedule(low, at(5));
  EXPECT_EQ(queue.pop(), 0);
}

TEST(EventQueue, AgreesWithAListWhateverIsMoved) {
  RandomStream random(7, "event_queue_test");
  for (int round = 0; round < 50; ++round) {
    EventQueue<int> queue;
    std::vector<Expected> events;
    for (int i = 0; i < 1 + round % 9; ++i) {
      events.push_back({kNever, static_cast<int>(random.uniform_int(0, 2))});
      queue.add(i, events.back().priority);
    }
    const auto last = static_cast<std::int64_t>(events.size()) - 1;
    for (int action = 0; action < 400; ++action) {
      const int first = first_of(events);
      ASSERT_EQ(queue.next_time(), first < 0 ? kNever : events[static_cast<std::size_t>(first)].time);
      if (first >= 0 && random.uniform_int(0, 1) == 0) {
        ASSERT_EQ(queue.pop(), first) << "round " << round << ", action " << action;
        events[static_cast<std::size_t>(first)].time = kNever;
      } else {
        const auto which = static_cast<std::size_t>(random.uniform_int(0, last));
        const std::int64_t when = random.uniform_int(0, 12);
        events[which].time = when == 12 ? kNever : at(when);
        queue.schedule(static_cast<int>(which), events[which].time);
      }
    }
  }
}

}  // namespace
}  // namespace foretoken
