// The answer of a feasibility check, for people and for programs (schema foretoken.check/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/text_report.hpp"
#include "foretoken/study/check.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const CheckResult& result, const TextStyle& style = {});
[[nodiscard]] Json to_json(const CheckResult& result);

// value, low, high, confidence; an unbounded side is null.
[[nodiscard]] Json to_json(const Interval& interval);
[[nodiscard]] Json to_json(const PairedDifference& paired);

}  // namespace foretoken
