// What is said of a sweep's points beside their table: the front that was asked for, and load curves.
#pragma once

#include <optional>
#include <string>

#include "report/sweep_report.hpp"
#include "study/front/sweep_front.hpp"

namespace foretoken {

// Sections for below the table; empty when there is neither a front nor a load curve.
[[nodiscard]] std::string front_text(const SweepTable& sweep, const std::optional<SweepFront>& front,
                                     const TextStyle& style = {});
// `front` (with a front; indices of points) and `load_curves`, added to the sweep's document.
void add_front(Json& document, const SweepTable& sweep, const std::optional<SweepFront>& front);
// The sweep's CSV with a last column `on_front`, where there is a front.
[[nodiscard]] std::string to_csv(const SweepTable& sweep, const std::optional<SweepFront>& front);
// A run by itself: the header and one row, with the columns of a sweep without axes.
[[nodiscard]] std::string to_csv(const RunResult& result);

}  // namespace foretoken
