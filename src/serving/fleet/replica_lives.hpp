// The lives of the replicas of a fleet: which state each is in since when, and what comes next. Knows no request.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "foretoken/serving/fleet_config.hpp"
#include "serving/fleet/autoscaler.hpp"
#include "serving/fleet/takers.hpp"

namespace foretoken {

// Places are numbered from 0. A place whose replica is gone can hold the next one, so that there are never more
// replicas than places: as many as there are GPUs for. Who is wanted beyond them starts when a place is free.
class ReplicaLives {
 public:
  // The first at_start of them are ready. Its places are candidates of a router, from `first` on, and `router` knows
  // which of them take requests: those that are ready, or of which nobody knows yet that they have died. Precondition:
  // 0 <= at_start <= places.
  ReplicaLives(const FleetConfig& config, int places, std::uint64_t seed, Takers& router, int first);

  [[nodiscard]] ReplicaState state(int place) const { return lives_[index(place)].state; }
  [[nodiscard]] int wanted() const { return wanted_; }
  // Ready or on the way to it, as far as anybody knows.
  [[nodiscard]] int current() const { return current_; }
  [[nodiscard]] ReplicaNumbers numbers() const;
  // The next state of some replica; kNever: none changes by itself.
  [[nodiscard]] TimePoint next() const;

  // So many are wanted from now on. Those that are too many stop: first who is not ready yet, of these and of the ready
  // ones the last that was started (as Kubernetes). Who was ready drains until gone() is told of it, and
  // `drains(place)` is called; who was not is gone at once. Missing ones are started in the lowest free places, each
  // after `starts(place)`.
  template <class Starts, class Drains>
  void want(int replicas, TimePoint now, Starts starts, Drains drains) {
    if (replicas != wanted_) ++totals_.changes;
    wanted_ = replicas;
    while (current_ > wanted_) {
      const int place = last_started();
      if (stop(place, now)) drains(place);
    }
    fill(now, starts);
  }
  // A replica that drains has nothing left to do; who is wanted may take its place.
  template <class Starts>
  void gone(int place, TimePoint now, Starts starts) {
    enter(place, ReplicaState::gone, now);
    fill(now, starts);
  }
  // States that end now, replicas that die now, after `dies(place)` of each, and failures that come to be known.
  template <class Dies, class Starts>
  void due(TimePoint now, Dies dies, Starts starts) {
    for (int place = 0; place < static_cast<int>(lives_.size()); ++place) {
      advance(place, now);
      if (lives_[index(place)].dies <= now) {
        dies(place);
        fail(place, now, true);
      }
    }
    const auto die_together = [&](int first, int count, bool by_chance) {
      for (int place = first; place < std::min(first + count, static_cast<int>(lives_.size())); ++place) {
        if (state(place) >= ReplicaState::gone) continue;  // nobody is there to die
        dies(place);
        fail(place, now, by_chance);
      }
    };
    for (; planned_ < failures_.planned.size() && TimePoint{failures_.planned[planned_].at} <= now; ++planned_)
      die_together(failures_.planned[planned_].place, failures_.planned[planned_].count, false);
    for (std::size_t domain = 0; domain < domain_dies_.size(); ++domain) {
      if (domain_dies_[domain] > now) continue;
      die_together(static_cast<int>(domain) * failures_.domain, failures_.domain, true);
      draw_domain(domain, now);
    }
    for (int place = 0; place < static_cast<int>(lives_.size()); ++place) {
      if (lives_[index(place)].back <= now) take_back(place, true);
      if (lives_[index(place)].known <= now) learn(place);
    }
    fill(now, starts);
  }

  // It is dead, nobody knows, and a request was refused: after some in a row it is no candidate for a while (Envoy).
  void refused(int place, TimePoint now);

  // Up to `end`.
  [[nodiscard]] FleetTotals totals(TimePoint end);

 private:
  struct Life {
    ReplicaState state = ReplicaState::gone;
    TimePoint since{};
    TimePoint until = kNever;  // the next state begins
    TimePoint dies = kNever;   // by chance
    TimePoint known = kNever;  // it has died, and routers and whoever orders replicas hear of it
    TimePoint back = kNever;   // ejected, and a candidate again
    int refusals = 0;          // in a row
    int ejections = 0;
    std::int64_t number = -1;  // of its start
    double factor = 1;         // on the parts of its cold start
  };
  static std::size_t index(int place) { return static_cast<std::size_t>(place); }
  [[nodiscard]] int last_started() const;
  [[nodiscard]] bool stop(int place, TimePoint now);
  template <class Starts>
  void fill(TimePoint now, Starts starts) {
    for (int place = 0; place < static_cast<int>(lives_.size()) && current_ < wanted_; ++place) {
      if (state(place) != ReplicaState::gone) continue;
      starts(place);
      start(place, now);
    }
  }
  void start(int place, TimePoint now);
  void draw_death(Life& life, TimePoint now) const;
  void draw_domain(std::size_t domain, TimePoint now);
  void fail(int place, TimePoint now, bool by_chance);
  void learn(int place);
  void take_back(int place, bool takes);
  void set_takes(int place, bool takes);
  void advance(int place, TimePoint now);
  void enter(int place, ReplicaState state, TimePoint now);
  [[nodiscard]] Duration stay(const Life& life, ReplicaState state) const;
  void count(TimePoint now);

  ColdStart cold_start_;
  FailureConfig failures_;
  std::size_t planned_ = 0;             // failures so far
  std::vector<TimePoint> domain_dies_;  // by domain, when all in it die
  std::uint64_t domain_deaths_ = 0;     // drawn so far
  std::uint64_t seed_;
  std::vector<Life> lives_;
  std::vector<std::uint8_t> takes_;
  Takers& router_;
  int first_;  // candidate there
  int wanted_ = 0;
  int current_ = 0;
  int ready_ = 0;
  int takers_ = 0;
  int ejected_ = 0;  // that would be takers
  int paid_ = 0;
  FleetTotals totals_;
};

}  // namespace foretoken
