// Which drafts are made and which are accepted, drawn by counters: the same whatever runs beside a request, and however
// often it is asked (src/serving/README.md, "Speculation").
#pragma once

#include <cstdint>

#include "foretoken/serving/engine_config.hpp"

namespace foretoken {

// Drafts that a step of so many requests makes for each of them, whose longest sequence has so many tokens.
[[nodiscard]] std::int64_t drafts_of_step(const SpeculationConfig& config, std::int64_t requests, std::int64_t longest);

// A request at one of its steps: the draws depend on these alone.
struct DraftDraw {
  std::int64_t request = 0;  // its index
  std::int64_t emitted = 0;  // output tokens before the step
  int class_index = 0;
};

// Whether a lookup (n-gram, suffix) finds anything to propose.
[[nodiscard]] bool finds_drafts(const SpeculationConfig& config, const DraftDraw& draw);
// The rate of its own that a request has where they differ (Acceptance::concentration), above 0.
[[nodiscard]] double own_rate(const SpeculationConfig& config, const DraftDraw& draw);
// Of the first `drafts` drafts, how many are accepted. own_rate: of the request, where they differ.
[[nodiscard]] std::int64_t accepted_drafts(const SpeculationConfig& config, const DraftDraw& draw, std::int64_t drafts,
                                           double own_rate);
[[nodiscard]] const Acceptance& acceptance_of(const SpeculationConfig& config, int class_index);

}  // namespace foretoken
