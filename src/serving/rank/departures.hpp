// Requests that leave a rank: their record goes to the observer, the news to whoever sent them.
#pragma once

#include "foretoken/serving/observer.hpp"
#include "serving/requests/hand_over.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// Of a prompt's layers, which are computed one after the other.
enum class LayersSent { all_but_last, last, all };

// Who wants to know that a request left the system.
class DepartureListener {
 public:
  virtual ~DepartureListener() = default;
  virtual void departed(int rank, const Request& request, Outcome outcome, TimePoint now) = 0;
  // Or that it goes on elsewhere.
  virtual void handed_over(const HandOver& what) = 0;
  // Blocks are taken for one that comes from elsewhere: so many of them are to be filled. It waited so long for them.
  virtual void load_begins(int rank, RequestId id, const Request& request, std::int64_t blocks, Duration waited,
                           TimePoint now) = 0;
  // The first `tokens` tokens of a prompt that will be handed over are computed; `last`: all.
  virtual void computed(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint now) = 0;
  // The same of a chunk that is being computed: its first layers are from `from` on (HandOverRules::by_layer).
  virtual void computes(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint from,
                        TimePoint now) = 0;
  // Within its step a prompt's KV cache goes to where it decodes: that of its first layers, its last one, or all, from
  // `from` on.
  virtual void sends(int rank, const Request& request, LayersSent layers, TimePoint from, TimePoint now) = 0;
  // ... or comes, within the step that begins now.
  virtual void fetches(int rank, const Request& request, TimePoint now) = 0;
  // Of one that was computed elsewhere nothing will be fetched.
  virtual void not_needed(int rank, const Request& request, TimePoint now) = 0;
  // The next step takes longer than times of steps can hold (kLongestStep): the run ends before it.
  virtual void step_too_long(int rank) = 0;
};

// Of a request of which a rank knows nothing more.
[[nodiscard]] RequestRecord record_of(const Request& request, int rank, Outcome outcome, TimePoint now);

class Departures {
 public:
  Departures(int rank, Observer& observer, DepartureListener& listener)
      : rank_(rank), observer_(observer), listener_(listener) {}

  void finished(const InFlight& r, TimePoint now);
  void handed_over(const HandOver& what) { listener_.handed_over(what); }
  void load_begins(RequestId id, const Request& request, std::int64_t blocks, Duration waited, TimePoint now) {
    listener_.load_begins(rank_, id, request, blocks, waited, now);
  }
  void computed(const Request& request, std::int64_t tokens, bool last, TimePoint now) {
    listener_.computed(rank_, request, tokens, last, now);
  }
  void computes(const Request& request, std::int64_t tokens, bool last, TimePoint from, TimePoint now) {
    listener_.computes(rank_, request, tokens, last, from, now);
  }
  void sends(const Request& request, LayersSent layers, TimePoint from, TimePoint now) {
    listener_.sends(rank_, request, layers, from, now);
  }
  void fetches(const Request& request, TimePoint now) { listener_.fetches(rank_, request, now); }
  void not_needed(const Request& request, TimePoint now) { listener_.not_needed(rank_, request, now); }
  // Rejected, or timed out with the parts of its time.
  void refused(const Request& request, Outcome outcome, TimePoint now, const Attribution& parts);
  // Its replica is lost, after r.emitted tokens.
  void lost(const InFlight& r, TimePoint now);
  // Its client has gone, after r.emitted tokens.
  void aborted(const InFlight& r, TimePoint now);
  // The run was stopped.
  void abandoned(const InFlight& r, TimePoint now);
  void abandoned(const Request& request, TimePoint now);
  void step_too_long() { listener_.step_too_long(rank_); }

 private:
  void left(const InFlight& r, Outcome outcome, TimePoint now);
  [[nodiscard]] RequestRecord record_of(const InFlight& r, Outcome outcome, TimePoint now) const;

  int rank_;
  Observer& observer_;
  DepartureListener& listener_;
};

}  // namespace foretoken
