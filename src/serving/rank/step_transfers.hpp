// KV caches that go to other ranks or come from there within a step, which all rows of it wait for (vLLM's
// P2pNcclConnector; src/serving/README.md, "Hand-overs").
#pragma once

#include <vector>

#include "foretoken/base/units.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// Of the step that runs, or is about to.
struct StepTransfers {
  StepTransfers(HandOverRules::Send how, std::int64_t layers_of_prompt) : send(how), layers(layers_of_prompt) {}

  const HandOverRules::Send send;
  const std::int64_t layers;   // that are computed one after the other
  std::vector<RequestId> of;   // whose KV cache it is
  std::int64_t under_way = 0;  // of these
  bool computed = false;       // the step is, and its last layers go out
  TimePoint waits_from{};      // nothing but the transfers is left to wait for
  FineDuration waited;         // by which the step is longer
  [[nodiscard]] bool any() const { return !of.empty(); }
  void begin() {
    of.clear();
    under_way = 0;
    computed = false;
    waited = {};
  }
};

}  // namespace foretoken
