// Random workloads and a server that answers them, for laws that hold for any of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <queue>
#include <vector>

#include "base/random.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken::test {

class RandomWorkload {
 public:
  explicit RandomWorkload(std::uint64_t seed) : random_(seed, "random_workload") {}

  WorkloadConfig make() {
    WorkloadConfig config;
    config.num_prompts = pick(1, 300);
    config.arrivals = arrivals();
    config.lengths = pair();
    if (one_in(3)) config.duration = Duration{pick(1'000'000, 20'000'000'000)};
    if (one_in(2)) config.max_concurrency = one_in(2) ? pick(1, 3) : pick(1, 400);
    if (one_in(3))
      config.sessions = SessionConfig{one_in(2) ? length(1, 6) : LengthConfig{FixedLength{pick(1, 4)}}, pause()};
    if (one_in(2)) config.think_time = pause();
    if (one_in(3)) config.client_delay = Duration{pick(0, 50'000'000)};
    for (std::int64_t i = one_in(3) ? pick(1, 4) : 0; i > 0; --i) {
      const std::optional<std::int64_t> prefix = one_in(3) ? std::optional(pick(0, 300)) : std::nullopt;
      config.classes.push_back(
          {"class " + std::to_string(i), real(0.1, 5), pair(), prefix, static_cast<int>(pick(-3, 3)), {}});
    }
    if (one_in(4)) {
      config.ignore_eos = false;
      config.max_tokens = pick(1, 500);
    }
    return config;
  }

  std::int64_t pick(std::int64_t low, std::int64_t high) { return random_.uniform_int(low, high); }
  double real(double low, double high) { return low + (high - low) * random_.uniform(); }
  bool one_in(std::int64_t n) { return pick(1, n) == 1; }

 private:
  PauseConfig pause() { return {one_in(2), Duration{pick(0, 2'000'000'000)}}; }
  double burstiness() {
    const double choices[] = {1, std::numeric_limits<double>::infinity(), real(0.05, 1), real(1, 20)};
    return choices[pick(0, 3)];
  }
  ArrivalConfig arrivals() {
    switch (pick(0, 5)) {
      case 0:
        return AllAtOnceArrivals{};
      case 1:
        return RampArrivals{one_in(2), real(1, 100), real(1, 100), burstiness()};
      case 2:
        return TwoStateArrivals{one_in(3) ? 0 : real(0.1, 20), real(1, 500), Duration{pick(1'000'000, 3'000'000'000)},
                                Duration{pick(1'000'000, 1'000'000'000)}};
      case 3: {
        ProfileArrivals profile{Duration{pick(1'000'000, 10'000'000'000)}, {real(0.5, 100)}};
        for (std::int64_t i = pick(0, 8); i > 0; --i) profile.rates.push_back(one_in(3) ? 0 : real(0.1, 100));
        return profile;
      }
      default:
        return RenewalArrivals{one_in(4) ? real(1000, 1e9) : real(0.5, 100), burstiness(), one_in(4)};
    }
  }
  LengthConfig length(std::int64_t low, std::int64_t high) {
    const std::int64_t a = pick(low, high), b = pick(a, high);
    switch (pick(0, 5)) {
      case 0:
        return FixedLength{a};
      case 1:
        return UniformLength{a, b};
      case 2:
        return LognormalLength{real(0, 8), real(0, 2), a, b};
      case 3:
        return ZipfLength{real(0, 3), a, b};
      case 4:
        return ExponentialLength{real(0.5, 1000), b};
      default:
        return EmpiricalLength{{a, b, a}, one_in(2) ? std::vector<double>{} : std::vector<double>{1, real(0, 3), 0}};
    }
  }
  LengthPairConfig pair() { return {length(1, 5000), length(1, 2000), {}}; }

  RandomStream random_;
};

// One request as a server saw it.
struct Served {
  Request request;
  TimePoint end{};
};

// Checks the contract of RequestSource on the way. Serves each request for a time drawn from (seed, index); completions
// come before arrivals of the same instant. `on_arrival(request, in_flight)` sees each request once it is taken.
template <class OnArrival>
std::vector<Served> serve(RequestSource& source, std::uint64_t seed, double mean_seconds, OnArrival on_arrival) {
  struct Later {
    bool operator()(const Served& a, const Served& b) const {
      return a.end != b.end ? a.end > b.end : a.request.index > b.request.index;
    }
  };
  std::priority_queue<Served, std::vector<Served>, Later> busy;
  std::vector<Served> all;
  while (source.next_arrival() != kNever || !busy.empty()) {
    if (!busy.empty() && busy.top().end <= source.next_arrival()) {
      const Served done = busy.top();
      busy.pop();
      source.completed(done.request, done.end);
      EXPECT_GE(source.next_arrival(), done.end) << "after an answer at t every new arrival is at t or later";
      continue;
    }
    const TimePoint promised = source.next_arrival();
    EXPECT_EQ(promised, source.next_arrival()) << "looking changes nothing";
    const Request request = source.take();
    EXPECT_EQ(request.arrival, promised);
    EXPECT_EQ(request.index, static_cast<std::int64_t>(all.size()));
    if (!all.empty()) {
      EXPECT_GE(request.arrival, all.back().request.arrival) << "arrivals never decrease";
    }
    RandomStream random(replication_seed(seed, static_cast<std::uint64_t>(request.index) + 1), "service");
    all.push_back({request, request.arrival + duration_from_seconds(2 * mean_seconds * random.uniform())});
    busy.push(all.back());
    on_arrival(request, static_cast<std::int64_t>(busy.size()));
  }
  return all;
}

inline std::vector<Served> serve(RequestSource& source, std::uint64_t seed, double mean_seconds) {
  return serve(source, seed, mean_seconds, [](const Request&, std::int64_t) {});
}

}  // namespace foretoken::test
