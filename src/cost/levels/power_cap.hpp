// What a cap on its power leaves of a device's clock.
#pragma once

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

// What a device would draw at work, W: of its bandwidth and its peak it reaches these shares. At most nearly its TDP.
[[nodiscard]] double working_watts(const PowerTerms& terms, double tdp, double memory, double compute);

// demand: what it would draw without, W. 1 where the cap does not bind.
[[nodiscard]] double clock_under_cap(double cap, double demand, double idle);
// By which what memory bounds slows down at that clock: the memory keeps its own until the device hardly runs.
[[nodiscard]] double memory_rate_at(double clock);

}  // namespace foretoken
