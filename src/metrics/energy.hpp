// What a run draws from the wall, by phase (src/cost/README.md, "Power").
#pragma once

#include <optional>

#include "foretoken/metrics/summary.hpp"

namespace foretoken {

// J. Prefill: what steps draw beyond their decodes.
struct Energy {
  double prefill = 0;
  double decode = 0;
  double idle = 0;
  [[nodiscard]] double sum() const { return prefill + decode + idle; }
};
// Of all devices; empty where a TDP is not known, or the view is not of the whole run.
[[nodiscard]] std::optional<Energy> energy_of(const MeasureView& view);

}  // namespace foretoken
