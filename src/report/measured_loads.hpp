// Figures of real runs at loads of their own, to stand as dots beside what was simulated.
#pragma once

#include <string>
#include <string_view>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

// CSV: its first line names the load (`variable`: request_rate) and keys of the summary (mean_e2el_ms); lines that
// begin with # say where the figures are from. As a part of a document: {source, points: [{load, mean_e2el_ms, ...}]}.
[[nodiscard]] Result<Json> read_measured_loads(const std::string& path, std::string_view variable);

}  // namespace foretoken
