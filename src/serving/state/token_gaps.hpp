// Inter-token gaps longer than a step: decoding requests that steps left out between two of their tokens.
#pragma once

#include <algorithm>
#include <vector>

#include "foretoken/serving/observer.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// Ways to be left out:
//   skipped  this step runs without it, but with other decoding requests (StepPlan::skipped)
//   held     a step of prefill only holds all decoding requests (StepPlan::hold_decodes)
//   late     it has come from elsewhere, where its last token came out earlier
// Who was skipped keeps the time of its last token, one by one; who is held does as a row among those with the
// same time. The gap is told at the end of the step in which they emit again.
class TokenGaps {
 public:
  explicit TokenGaps(InFlightTable& table) : table_(table) {}

  [[nodiscard]] bool none() const { return skipped_before_.empty() && held_.empty(); }
  // Of `rows` that decode in the coming step, those that also emitted in the one before.
  [[nodiscard]] std::int64_t rows_without_gap(std::int64_t rows, const std::vector<RequestId>& skipped) const {
    if (rows > 0) rows -= held_rows(skipped);
    for (const RequestId id : skipped_before_) rows -= contains(skipped, id) ? 0 : 1;
    return rows;
  }
  // A step that began at `since` held all `decodes` decoding requests.
  void hold(TimePoint since, std::int64_t decodes) {
    const std::int64_t fresh = decodes - held_rows({});  // emitted until this step
    if (fresh > 0) held_.push_back({since, fresh});
  }
  // All decoding requests but the skipped have emitted, in steps from `began` to now.
  void emitted(TimePoint began, TimePoint now, const std::vector<RequestId>& skipped, Observer& observer) {
    if (!skipped.empty() || !skipped_before_.empty()) settle_skipped(began, now, skipped, observer);
    for (const Held& held : held_) observer.on_gap(now - held.last_token, held.rows);
    held_.clear();
    last_emission_ = now;
  }
  // It decodes from the coming step on, and its last token is older than that of the others.
  void joins_late(RequestId id) { held_.push_back({table_[id].last_token, 1, id}); }
  // A decoding request leaves unfinished: its last_token becomes known. True when it emitted in the last decode step.
  bool leave(RequestId id) {
    InFlight& r = table_[id];
    if (forget_late(id)) return false;
    const auto skipped = std::find(skipped_before_.begin(), skipped_before_.end(), id);
    if (skipped == skipped_before_.end())
      r.last_token = std::max(r.last_token, last_emission_);
    else
      skipped_before_.erase(skipped);
    const auto held =
        std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.last_token == r.last_token; });
    if (held != held_.end()) --held->rows;
    return r.last_token == last_emission_;
  }

 private:
  struct Held {
    TimePoint last_token;
    std::int64_t rows;
    RequestId late = kNoRequest;
  };
  bool forget_late(RequestId id) {
    return std::erase_if(held_, [&](const Held& h) { return h.late == id; }) > 0;
  }
  static bool contains(const std::vector<RequestId>& ids, RequestId id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  }
  [[nodiscard]] std::int64_t held_rows(const std::vector<RequestId>& skipped) const {
    std::int64_t rows = 0;
    for (const Held& held : held_) rows += held.late != kNoRequest && contains(skipped, held.late) ? 0 : held.rows;
    return rows;
  }
  void settle_skipped(TimePoint began, TimePoint now, const std::vector<RequestId>& skipped, Observer& observer) {
    for (const RequestId id : skipped_before_) {
      if (!contains(skipped, id)) observer.on_gap(now - table_[id].last_token, 1);
    }
    for (const RequestId id : skipped) {
      if (!contains(skipped_before_, id) && !forget_late(id)) table_[id].last_token = began;
    }
    skipped_before_ = skipped;
  }

  InFlightTable& table_;
  std::vector<RequestId> skipped_before_;  // by the last step
  std::vector<Held> held_;                 // by the last step; else empty
  TimePoint last_emission_{};              // end of the last step the decoding requests took part in
};

}  // namespace foretoken
