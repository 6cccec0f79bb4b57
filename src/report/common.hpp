// Words and numbers that all reports share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/verdict.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "report/layout.hpp"

namespace foretoken {

[[nodiscard]] std::string_view tpot_definition(TpotConvention convention);
[[nodiscard]] std::string_view to_string(Origin origin);
[[nodiscard]] std::string_view to_string(CostLevel level);
[[nodiscard]] const char* mark_of(Decision decision);  // ✓, ✗ or ?

// Of a request in a deployment of one pool nothing waits for a hand-over.
inline constexpr int kPartsOfOnePool = kAttributionParts - 3;
// Whether a scenario can have the part: what only hand-overs have, clients that try again, or replicas that come and
// go, stands at the end.
[[nodiscard]] inline bool has_part(const Scenario& scenario, AttributionPart part) {
  if (part == AttributionPart::hand_over_wait) return !scenario.pools.empty() || scenario.engine.kv_offload.on();
  if (part == AttributionPart::fleet_wait) return scenario.cluster.fleet.on;
  return part != AttributionPart::earlier_attempts || scenario.workload.client.on;
}

// Llama-3.1-70B on 4 x h100_sxm (TP 4), vllm-v1 0.19.
[[nodiscard]] std::string deployment_line(const Scenario& scenario);
// " with 1 of 5 replicas down"; empty where all are up.
[[nodiscard]] std::string spare_clause(const Scenario& scenario);

// About four digits for people: 12,346 · 523.4 · 20.12 · 0.0123; "inf" and "-" for what is not finite.
[[nodiscard]] std::string readable(double value);
[[nodiscard]] std::string readable(std::int64_t value);
[[nodiscard]] std::string readable_count(double value);   // of things, or their mean over runs: 4 · 4.50
[[nodiscard]] std::string readable_signed(double value);  // +12.3
[[nodiscard]] std::string with_unit_of(double value, std::string_view metric);  // 523.4 ms
[[nodiscard]] std::string dollars(double usd);                                  // 1,234.50
[[nodiscard]] std::string percent(double share);                                // 0.314 → 31.4 %

// How far a step's time may be off, and whether all its operators lie in fitted ranges.
[[nodiscard]] std::string model_sentence(const ModelBand& band);

// 6 $/h for 2 GPUs at 3 $ (prices.gpu_hour, on_demand); an example is called one.
[[nodiscard]] std::string price_sentence(const HourlyPrice& price);

// ", about 12 min left"; empty before enough is known to tell. `share` of the work was done in `seconds`.
[[nodiscard]] std::string time_left(double seconds, double share);

// A bar of `width` cells filled to `share`.
[[nodiscard]] std::string bar(double share, int width);

// A field of a CSV row, RFC 4180: quotes only where needed.
[[nodiscard]] std::string csv_text(std::string_view text);

}  // namespace foretoken
