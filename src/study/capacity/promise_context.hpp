// How long a context may be.
#pragma once

#include "study/capacity/promise.hpp"
#include "study/load/load_knob.hpp"

namespace foretoken {

// The shortest engine.max_model_len of all pools.
[[nodiscard]] std::int64_t max_model_len_of(const Scenario& scenario);
// Overrides that give every request these lengths.
[[nodiscard]] std::vector<std::string> lengths_of(std::int64_t prompt, std::int64_t output);

// Fills `by_slo` with a search over prompt lengths at the scenario's own load.
[[nodiscard]] Diagnostics longest_by_slo(PromiseResult& result, const Question& question, const LoadKnob& knob,
                                         const RunOptions& options);

}  // namespace foretoken
