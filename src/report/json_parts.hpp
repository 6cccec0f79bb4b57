// Pieces of result documents.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/metrics/summary.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "foretoken/study/capacity.hpp"

namespace foretoken {

// What a document on a scenario begins with: what it is, who made it, of what.
[[nodiscard]] Json document_head(std::string_view schema, const Scenario& scenario);
// Where every value that is not a plain default came from.
[[nodiscard]] Json origins_of(const Scenario& scenario);
[[nodiscard]] Json slo_of(const std::vector<SloVerdict>& verdicts);
[[nodiscard]] Json bottlenecks_of(const Bottleneck& prefill, const Bottleneck& decode);
[[nodiscard]] Json price_of(const HourlyPrice& price);
// value, low, high, confidence; an unbounded side is null.
[[nodiscard]] Json to_json(const Interval& interval);
[[nodiscard]] Json to_json(const PairedDifference& paired);
[[nodiscard]] Json to_json(const Knee& knee);
[[nodiscard]] Json value_or_null(const std::optional<double>& value);
[[nodiscard]] Json value_or_null(const std::optional<std::int64_t>& value);

}  // namespace foretoken
