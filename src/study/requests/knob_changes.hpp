// The changes that could act on a cause.
#pragma once

#include <string>
#include <vector>

#include "study/requests/slow_requests.hpp"

namespace foretoken {

struct KnobChange {
  std::string change;            // max_num_seqs 256 -> 128
  std::vector<std::string> set;  // as --set takes them, the knob first
  [[nodiscard]] std::string knob() const { return set.front().substr(0, set.front().find('=')); }
};
// By settings of the engine, on the GPUs that are there.
[[nodiscard]] std::vector<KnobChange> setting_changes(const RequestExplanation& explanation,
                                                      const std::string& catalog_dir);
// By more or other hardware, and last by less load.
[[nodiscard]] std::vector<KnobChange> larger_changes(const RequestExplanation& explanation,
                                                     const std::string& catalog_dir);

// The key of this engine for the share of memory that holds the KV cache, and for the tokens of a prefill step.
[[nodiscard]] std::string memory_share_key(const Scenario& scenario);
[[nodiscard]] std::string token_budget_key(const Scenario& scenario);

}  // namespace foretoken
