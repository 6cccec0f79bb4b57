// A deployment as another engine would have it: the knobs that both have, the others converted or named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/scenario/question.hpp"
#include "study/import/flag_tables.hpp"

namespace foretoken {

struct TargetDeployment {
  Scenario scenario;  // of the target's engine
  Program program = Program::vllm;
  std::vector<std::string> converted;  // which knob became which, with both values
  std::vector<std::string> dropped;    // given knobs that the target does not have
  std::vector<std::string> left_out;   // pools; the scenario is then what is left: where requests are decoded
};

// vllm, sglang, trtllm; empty: no other.
[[nodiscard]] std::optional<Program> program_named(std::string_view name);
// The program that starts the scenario's own engine. Empty: it exists only on paper (orca, static).
[[nodiscard]] std::optional<Program> program_of(const Scenario& scenario);

// The same deployment under the engine of `program`: as it is where that is its own, else with the token budget under
// the target's name, seats as the target counts them, and the share of memory that gives as many tokens of KV cache.
// Errors: those of the scenario that this makes, which names what the target refuses.
[[nodiscard]] Result<TargetDeployment> target_deployment(const Question& question, const Scenario& scenario,
                                                         Program program);

}  // namespace foretoken
