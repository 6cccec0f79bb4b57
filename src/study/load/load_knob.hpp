// The one knob of a workload that capacity turns: a rate, a number of clients, a number of users.
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

struct LoadKnob {
  LoadVariable variable = LoadVariable::request_rate;
  std::string unit;    // requests/s, conversations/s, clients, users
  bool whole = false;  // counts
  double offered = 0;  // today's load
  double least = 0;    // what the field table allows
  double most = 0;
  // The scenario at this load, as --set takes it.
  [[nodiscard]] std::vector<std::string> set(double load) const;

  // What `set` starts from.
  WorkloadConfig workload;
  double load_factor = 1;     // that `workload` has in it
  bool keeps_length = false;  // more clients send more requests, so that the run still has a steady state
};

// The variable asked for in `capacity.variable`, or what the workload has. Errors say what the workload lacks
// and how to give it that.
[[nodiscard]] Result<LoadKnob> load_knob(const Scenario& scenario);

}  // namespace foretoken
