// Requests that reach a rank from another: they wait for KV blocks, then for their KV cache, then until the scheduler
// has seen that it is there (src/serving/README.md, "Hand-overs").
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "serving/requests/attribution.hpp"
#include "serving/state/rank_state.hpp"

namespace foretoken {

// What keeps the first of those that wait from its blocks.
enum class Refused { nothing, not_yet, kv_blocks, seats };

class Receiver {
 public:
  struct Inbound {
    RequestId id = kNoRequest;
    TimePoint since{};                // it waits for its blocks
    Duration kv_mark{}, seat_mark{};  // of the clocks then
    TimePoint here{};                 // its KV cache is
    std::int64_t seen_after = 0;      // steps of the rank, then its scheduler knows
  };

  Receiver(RankState& rank, const HandOverRules& rules) : rank_(rank), rules_(rules) {}

  // ---- waiting for blocks ----
  // True when nobody waited before it.
  bool wait(RequestId id, TimePoint now);
  // It was retracted, and goes before all others.
  void wait_again(RequestId id, TimePoint now);
  [[nodiscard]] const Inbound* head() const { return waiting_.empty() ? nullptr : &waiting_.front(); }
  // Whether it would ever get its blocks beside what is kept for outputs.
  [[nodiscard]] bool could_take(const Request& request) const;
  // Why the head cannot have its blocks yet, with `free` blocks beyond what running requests take.
  [[nodiscard]] bool fits_head(std::int64_t free) const;
  // The head gets its blocks, and loads from now on. The blocks to fill; what it waited goes to its account, or is
  // answered where it has none yet.
  struct Begun {
    RequestId id = kNoRequest;
    std::int64_t blocks = 0;  // to be filled from outside
    Duration for_blocks{}, for_seats{}, for_calls{};
  };
  Begun begin_head(TimePoint now);
  // It is passed over until bring_back().
  void set_head_aside();
  void bring_back();
  // Somebody else brings what it needs: it waits here no longer.
  Begun release_head(TimePoint now);
  void refused(Refused why, TimePoint now) {
    for_blocks_.set_blocked(why == Refused::kv_blocks, now);
    for_seats_.set_blocked(why == Refused::seats, now);
  }

  // ---- loading ----
  // Its KV cache is here; the scheduler sees it after so many steps of the rank.
  void arrived(RequestId id, TimePoint now, std::int64_t seen_after);
  // Of this request, which waits for its blocks or for its KV cache; kNoRequest: there is none.
  [[nodiscard]] RequestId find(std::int64_t request) const;
  [[nodiscard]] bool waits(RequestId id) const;
  // It has blocks, and its scheduler has not seen its KV cache.
  [[nodiscard]] bool loads(RequestId id) const;
  // It will not come, or nobody waits for it.
  void lost(RequestId id);
  // It waits for nothing but a seat, and for that no longer. kNoRequest: it does not.
  RequestId take_ready(std::int64_t request);

  // It will not come, which the next call knows.
  struct Gone {
    RequestId id = kNoRequest;
    TimePoint at{};
    bool cancelled = false;  // and nobody waits for it
    bool aborted = false;    // because its client has gone: it is on no other record
  };
  std::vector<Gone> gone;
  // The same, because its client has gone; it may have been lost before, or be lost until then.
  void goes_aborted(RequestId id, TimePoint now);
  [[nodiscard]] bool is_gone(RequestId id) const {
    return std::any_of(gone.begin(), gone.end(), [&](const Gone& g) { return g.id == id; });
  }

  // ---- seen ----
  // The least of `seen_after` of those that are here and not seen; -1: there are none.
  [[nodiscard]] std::int64_t next_seen_after() const;
  [[nodiscard]] bool any_here() const { return !here_.empty(); }
  // Of those that are here the first that is seen after `steps` steps, or at all (an idle engine sees them at once).
  [[nodiscard]] bool take_seen(std::int64_t steps, bool at_all, Inbound& taken);

  // ---- to be seated without a step ----
  std::deque<RequestId> ready;
  std::deque<RequestId> promised;  // a seat in the coming call
  std::int64_t seen = 0;           // that wait for a seat here, or again for blocks

  // When its prompt was computed elsewhere, and when the transfer began.
  struct Stamps {
    TimePoint computed{}, load_began{};
  };
  [[nodiscard]] Stamps& stamps(RequestId id) {
    if (static_cast<std::size_t>(id) >= stamps_.size()) stamps_.resize(static_cast<std::size_t>(id) + 1);
    return stamps_[static_cast<std::size_t>(id)];
  }

  // KV blocks x time: so much less than if what loads took within the running steps had been held since they began.
  FineTotal not_yet_held = 0;
  std::int64_t taken_last = 0;  // blocks, at the last look within them

  [[nodiscard]] std::int64_t size() const {
    return static_cast<std::int64_t>(waiting_.size() + loading_.size() + here_.size() + ready.size() + promised.size());
  }
  template <class Function>
  void for_each(Function function) const {
    for (const Inbound& in : waiting_) function(in.id);
    for (const Inbound& in : loading_) function(in.id);
    for (const Inbound& in : here_) function(in.id);
    for (const RequestId id : ready) function(id);
    for (const RequestId id : promised) function(id);
  }

 private:
  [[nodiscard]] bool commits() const { return rules_.commits_outputs || rank_.kv.guarantees_outputs; }
  [[nodiscard]] std::int64_t tokens_of(const InFlight& r) const;  // for which it needs blocks
  [[nodiscard]] PrefixMatch match(const InFlight& r) const;
  [[nodiscard]] std::int64_t blocks_not_started() const;
  [[nodiscard]] bool fits_beside_expected(const InFlight& head, std::int64_t free_blocks) const;

  RankState& rank_;
  const HandOverRules& rules_;
  [[nodiscard]] Begun end_of_wait(const Inbound& in, TimePoint now) const;

  KvWaitClock for_blocks_, for_seats_;
  std::deque<Inbound> waiting_;
  std::vector<Inbound> aside_;
  std::vector<Inbound> here_;     // in the order in which they came; a few
  std::vector<Inbound> loading_;  // the same
  std::vector<Stamps> stamps_;    // by RequestId
};

}  // namespace foretoken
