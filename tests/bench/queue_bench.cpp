// The event queue as the simulation uses it: the first event is taken out and scheduled again, later.
#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "engine/event_queue.hpp"

namespace foretoken {
namespace {

void queue_pop_and_schedule(benchmark::State& state) {
  EventQueue<std::int32_t> queue;
  RandomStream random(0, "queue_bench");
  const auto events = static_cast<std::int32_t>(state.range(0));
  for (std::int32_t i = 0; i < events; ++i) {
    queue.schedule(queue.add(i, 0), TimePoint{Duration{random.uniform_int(0, 1'000'000)}});
  }
  // Drawn before: the queue is measured, not the random numbers.
  std::vector<Duration> gaps;
  for (int i = 0; i < 4096; ++i) gaps.emplace_back(random.uniform_int(1, 2'000'000));
  std::size_t next = 0;
  for (auto _ : state) {
    const TimePoint now = queue.next_time();
    const std::int32_t handle = queue.pop();
    queue.schedule(handle, now + gaps[next++ % gaps.size()]);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queue_pop_and_schedule)->Arg(2)->Arg(10)->Arg(100)->Arg(1'000)->Arg(100'000);

// An event moved while it waits: a stretch cut by an arrival.
void queue_move(benchmark::State& state) {
  EventQueue<std::int32_t> queue;
  RandomStream random(0, "queue_bench");
  const auto events = static_cast<std::int32_t>(state.range(0));
  for (std::int32_t i = 0; i < events; ++i) queue.schedule(queue.add(i, 0), TimePoint{Duration{i}});
  std::vector<std::pair<std::int32_t, TimePoint>> moves;
  for (int i = 0; i < 4096; ++i) {
    moves.emplace_back(static_cast<std::int32_t>(random.uniform_int(0, events - 1)),
                       TimePoint{Duration{random.uniform_int(0, events)}});
  }
  std::size_t next = 0;
  for (auto _ : state) {
    const auto& [handle, time] = moves[next++ % moves.size()];
    queue.schedule(handle, time);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queue_move)->Arg(2)->Arg(10)->Arg(100)->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace foretoken
