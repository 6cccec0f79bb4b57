// What routers see of what replicas publish.
#include "serving/routing/signal_board.hpp"

#include <gtest/gtest.h>

namespace foretoken {
namespace {

TEST(SignalBoard, ShowsTheLastPublicationThatHasArrived) {
  using std::chrono::seconds;
  const auto at = [](double s) { return TimePoint{duration_from_seconds(s)}; };
  // What a replica is like changes at 0.5 and 2.5 s; it publishes at 0, 1, 2, ... and it takes 0.25 s.
  SignalBoard board(seconds{1}, Duration{}, std::chrono::milliseconds{250});
  const auto like = [](std::int64_t waiting) {
    return [waiting](TimePoint) {
      ReplicaSignals s;
      s.waiting = waiting;
      return s;
    };
  };
  EXPECT_EQ(board.seen(at(0)), ReplicaSignals{});
  EXPECT_EQ(board.age(at(0)), std::nullopt);
  board.catch_up(at(0.5), false, like(1));
  EXPECT_EQ(board.seen(at(0.5)).waiting, 1);
  EXPECT_EQ(board.seen(at(0.2)), ReplicaSignals{});
  board.catch_up(at(1.1), false, like(2));
  EXPECT_EQ(board.seen(at(1.1)).waiting, 1) << "under way";
  EXPECT_EQ(board.seen(at(1.3)).waiting, 2);
  EXPECT_EQ(board.seen(at(1.3)).as_of, at(1));
  EXPECT_EQ(board.age(at(1.3)), std::chrono::milliseconds{300});
  EXPECT_EQ(board.age(at(1.1)), std::chrono::milliseconds{1100});
  board.catch_up(at(2.5), false, like(2));
  board.catch_up(at(1000), false, like(3));
  EXPECT_EQ(board.seen(at(1000)).as_of, at(999)) << "of a thousand only those that may still be seen";
  // At the instant of a publication it is not seen yet, and what happens at that instant is in it.
  board.catch_up(at(1001), false, like(3));
  board.catch_up(at(1001), true, like(4));
  EXPECT_EQ(board.seen(at(1001.3)).waiting, 4);
}

// H: a period beyond the run shows what was there at first, for ever.
TEST(SignalBoard, WithAPeriodBeyondTheRunShowsTheBeginning) {
  SignalBoard board(std::chrono::hours{10}, Duration{}, Duration{});
  const auto at = [](std::int64_t s) { return TimePoint{std::chrono::seconds{s}}; };
  ReplicaSignals busy;
  busy.waiting = 9;
  for (const std::int64_t second : {1, 60, 3600}) {
    board.catch_up(at(second), false, [&](TimePoint t) { return t > TimePoint{} ? busy : ReplicaSignals{}; });
    EXPECT_EQ(board.seen(at(second)).waiting, 0) << second;
  }
}

}  // namespace
}  // namespace foretoken
