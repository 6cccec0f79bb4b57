// Replicas that come and go, and clients that try again, as sections and in documents.
#pragma once

#include "foretoken/experiment/run.hpp"
#include "report/layout.hpp"

namespace foretoken {

// Keys `fleet`, `routers` and `clients`, of the first replication; nothing where a scenario has none of them.
void add_fleet(const RunResult& result, Json& json);
// What routers saw too late and had to undo, each by itself; empty where none counts that.
[[nodiscard]] std::string routers_section(const RunResult& result, const TextStyle& style);
// Replica-hours by state, and when the number changed. Empty where replicas stay.
[[nodiscard]] std::string fleet_section(const RunResult& result, const TextStyle& style);
// Of the short answer: one line each; empty where there is nothing to say.
[[nodiscard]] std::string fleet_lines(const RunResult& result);

}  // namespace foretoken
