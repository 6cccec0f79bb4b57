// Requests that leave a rank: their record goes to the observer, the news to whoever sent them.
#pragma once

#include "foretoken/serving/observer.hpp"
#include "serving/hand_over.hpp"
#include "serving/in_flight.hpp"
#include "serving/ways.hpp"

namespace foretoken {

// Who wants to know that a request left the system.
class DepartureListener {
 public:
  virtual ~DepartureListener() = default;
  virtual void departed(int rank, const Request& request, Outcome outcome, TimePoint now) = 0;
  // Or that it goes on elsewhere.
  virtual void handed_over(const HandOver& what) = 0;
  // The next step takes longer than times of steps can hold (kLongestStep): the run ends before it.
  virtual void step_too_long(int rank) = 0;
};

// Of a request of which a rank knows nothing more.
[[nodiscard]] RequestRecord record_of(const Request& request, int rank, Outcome outcome, TimePoint now);

// Of one that is still on its way to a rank when the run ends.
[[nodiscard]] RequestRecord unfinished_on_the_way(const OnTheWay& what, int rank, TimePoint now);

class Departures {
 public:
  Departures(int rank, Observer& observer, DepartureListener& listener)
      : rank_(rank), observer_(observer), listener_(listener) {}

  void finished(const InFlight& r, TimePoint now);
  void handed_over(const HandOver& what) { listener_.handed_over(what); }
  // Rejected, or timed out with the parts of its time.
  void refused(const Request& request, Outcome outcome, TimePoint now, const Attribution& parts);
  // The run was stopped.
  void abandoned(const InFlight& r, TimePoint now);
  void abandoned(const Request& request, TimePoint now);
  void step_too_long() { listener_.step_too_long(rank_); }

 private:
  [[nodiscard]] RequestRecord record_of(const InFlight& r, Outcome outcome, TimePoint now) const;

  int rank_;
  Observer& observer_;
  DepartureListener& listener_;
};

}  // namespace foretoken
