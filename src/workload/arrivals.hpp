// When requests are sent, in an open loop.
#pragma once

#include <memory>
#include <string>

#include "foretoken/base/random.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

// Times never decrease; kNever = no more.
class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;
  virtual TimePoint next() = 0;
};

// What is wrong with the process, empty = nothing.
[[nodiscard]] std::string arrival_problem(const ArrivalConfig& config);

// For everything but traces, whose times stand in their rows. `requests` is their number,
// which ramps and vllm_rescale need; 0 = not known. Precondition: arrival_problem is empty.
[[nodiscard]] std::unique_ptr<ArrivalProcess> make_arrival_process(const ArrivalConfig& config, std::int64_t requests,
                                                                   std::uint64_t seed);

}  // namespace foretoken
