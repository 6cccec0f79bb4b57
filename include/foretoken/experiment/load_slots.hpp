// A run cut into hours (or minutes) of the load: what each of them offers, and how it is served.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/time.hpp"
#include "foretoken/metrics/slo.hpp"

namespace foretoken {

// Of the requests that arrive in the slot, whenever they leave. Percentiles count requests that failed as never served
// (infinite). NaN: no such figure.
struct SlotFigures {
  double arrivals = 0;  // mean over the replications
  double failed = 0;
  double p50_ttft_ms = 0, p99_ttft_ms = 0;
  double mean_tpot_ms = 0, p99_tpot_ms = 0;
  double p99_e2el_ms = 0;
  double waiting = 0;     // requests in the queue, time average: arrivals per second times mean wait
  double attainment = 0;  // share within the limits of goodput
};

struct LoadSlot {
  Duration begin{};
  Duration width{};         // the last slot may see arrivals for a part of it only
  double offered_rate = 0;  // requests/s: of a rate_profile as it says, else as they arrived
  SlotFigures all;
  std::vector<SlotFigures> classes;  // in the order of the workload's; empty: no classes, or too many of them
  // Of the objectives that single slots have: latencies per request and slo_attainment.
  std::vector<SloVerdict> slo;

  [[nodiscard]] bool keeps_slo() const;
};

struct LoadSlots {
  std::vector<LoadSlot> slots;  // empty: the load does not change with time
  std::vector<std::string> classes;
  std::vector<std::string> only_whole;  // objectives that single slots do not have
  int replications = 0;

  [[nodiscard]] std::size_t missing() const;  // slots that miss an objective
  // The slot with the least room in an objective, else with the largest p99 TTFT; empty when nothing was served.
  [[nodiscard]] std::optional<std::size_t> worst() const;
};

// 14:00, day 2 14:00; of shorter slots 1:30 (min:s).
[[nodiscard]] std::string slot_name(const LoadSlot& slot);

}  // namespace foretoken
