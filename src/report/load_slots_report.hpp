// Hours of a run, or minutes of a ramp: the worst in a sentence, all in a table and as JSON.
#pragma once

#include <string>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/report/report.hpp"

namespace foretoken {

// worst hour 14:00: p99_ttft_ms 812 ms at 42 req/s; 3 of 24 hours miss. Empty without slots.
[[nodiscard]] std::string worst_slot_sentence(const LoadSlots& slots);
// A table, the classes below their slot; empty without slots.
[[nodiscard]] std::string load_slots_section(const LoadSlots& slots, const TextStyle& style);
[[nodiscard]] Json to_json(const LoadSlots& slots);

}  // namespace foretoken
