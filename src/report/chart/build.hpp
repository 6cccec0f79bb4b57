// The charts of each kind of document, and how they read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/chart/chart.hpp"

namespace foretoken {

// Null, missing and texts are NaN.
[[nodiscard]] double number_of(const Json& value);
[[nodiscard]] std::string text_of(const Json& value);
[[nodiscard]] const Json::Array& list_of(const Json& value);  // empty where it is none
[[nodiscard]] std::vector<double> numbers_of(const Json& value);
[[nodiscard]] bool is_true(const Json& value);

// "p99 TTFT" of p99_ttft_ms; with its unit "p99 TTFT (ms)".
[[nodiscard]] std::string metric_title(std::string_view key);
[[nodiscard]] std::string metric_label(std::string_view key);
// The last word of a path: max_num_seqs of engine.max_num_seqs, but engine of engine.name.
[[nodiscard]] std::string_view last_name(std::string_view path);
// A figure with its interval, where it has one.
[[nodiscard]] std::string interval_text(const Json& interval);

// Names and pieces of a bar from left to right.
struct Stack {
  std::string row;
  std::vector<double> parts;
};
// A panel of bars, a piece each of `names`; pieces that are nothing in all rows are left out.
[[nodiscard]] Panel stacked(const std::vector<std::string>& names, const std::vector<Stack>& stacks,
                            std::string_view unit);
[[nodiscard]] Table table_of(std::string_view rows, const std::vector<std::string>& names,
                             const std::vector<Stack>& stacks);

// Each adds its charts where the document has what they show.
using Charts = std::vector<Chart>;
void add_latency_curves(Charts& charts, const Json& document);
void add_timeline(Charts& charts, const Json& document);
void add_replicas(Charts& charts, const Json& document);
void add_requests(Charts& charts, const Json& document);
void add_roofline(Charts& charts, const Json& explanation);
void add_breakdown(Charts& charts, const Json& explanation);
void add_memory(Charts& charts, const Json& document);
void add_attribution(Charts& charts, const Json& document);
void add_hours(Charts& charts, const Json& document);
void add_objectives(Charts& charts, const Json& document);
void add_fixes(Charts& charts, const Json& document);
void add_sweep(Charts& charts, const Json& document);
void add_load_curves(Charts& charts, const Json& document);
void add_capacity(Charts& charts, const Json& document);
void add_batch(Charts& charts, const Json& document);
void add_compare(Charts& charts, const Json& document);
void add_tornado(Charts& charts, const Json& document);
void add_recommend(Charts& charts, const Json& document);
void add_placement(Charts& charts, const Json& document);
void add_validation(Charts& charts, const Json& document);
void add_calibration(Charts& charts, const Json& document);
void add_parallel(Charts& charts, const Json& document);

// P(meets) as the text has it: "> 96 %" where no more can be said; "-" where there is none.
[[nodiscard]] std::string chance_text(const Json& probability);

}  // namespace foretoken
