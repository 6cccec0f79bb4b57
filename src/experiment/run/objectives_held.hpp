// In how many of several runs of a scenario, which differ in load and failures, all its objectives held.
#pragma once

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

struct ObjectivesHeld {
  std::int64_t runs = 0;
  std::int64_t of = 0;
  Interval share;  // Wilson's, 95 %
};

// Wilson's interval of a share. Precondition: of > 0.
[[nodiscard]] Interval wilson_interval(std::int64_t held, std::int64_t of);
[[nodiscard]] ObjectivesHeld objectives_held(const RunResult& result);

}  // namespace foretoken
