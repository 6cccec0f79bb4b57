// The accounts of a rank's requests, settled when steps end.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "serving/batching/batching_policy.hpp"
#include "serving/requests/attribution.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

class Accounts {
 public:
  explicit Accounts(InFlightTable& table) : table_(table) {}

  // What every decoding request of the rank has spent since the run began.
  [[nodiscard]] const DecodeTotals& decode_totals() const { return decode_totals_; }

  // Steps have ended in which all decoding requests took part but `skipped`; a request's share follows from
  // decode_totals() when it joins and leaves.
  void decoded(const DecodeTotals& steps) { decode_totals_ += steps; }
  void skipped(const std::vector<RequestId>& ids, const DecodeTotals& step, FineDuration time) {
    for (const RequestId id : ids) table_[id].account.sat_out(step, time);
  }
  void starts_decoding(RequestId id) { table_[id].account.joined_decode(decode_totals_); }
  void stopped_decoding(std::span<const RequestId> ids) {
    for (const RequestId id : ids) table_[id].account.left_decode(decode_totals_);
  }
  // A step has ended with these chunks of those that prefill; or steps without any, which took `elapsed`.
  void prefilled(std::span<const StepPlan::Chunk> chunks, std::span<const RequestId> prefilling, const StepTime& step,
                 FineDuration elapsed);
  // What a preemption had lost of it is back.
  static void recovered(InFlight& r, TimePoint now) {
    if (std::exchange(r.recovering, false)) r.account.recovered(now - r.preempted_at);
  }

 private:
  InFlightTable& table_;
  DecodeTotals decode_totals_;
};

}  // namespace foretoken
