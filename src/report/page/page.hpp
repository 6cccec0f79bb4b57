// Parts of the page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/json.hpp"
#include "report/chart/chart.hpp"

namespace foretoken {

// What the page's charts run on; empty in a program that was built without node.
[[nodiscard]] std::string_view page_script();
[[nodiscard]] std::string page_style();

// What it is about, the verdict and why: for people who read no further.
[[nodiscard]] std::string page_title(const Json& document);
// `text`: the answer as a terminal shows it. A document that has no verdict of one sentence says it in these words.
[[nodiscard]] bool has_verdict(const Json& document, std::string_view text);
[[nodiscard]] std::string verdict_section(const Json& document, std::string_view text);
[[nodiscard]] std::string words_of(std::string_view text);
[[nodiscard]] std::string headline_section(const Json& document);
// Of replicas that come and go, and clients that try again: what they took and what became of requests.
[[nodiscard]] std::string fleet_block(const Json& document);
[[nodiscard]] std::string chart_section(const Chart& chart);
// All figures, assumptions, where the values come from, and the scenario to copy.
[[nodiscard]] std::string figures_section(const Json& document);
[[nodiscard]] std::string assumptions_section(const Json& document);
[[nodiscard]] std::string scenario_section(const Json& document);

// <table> in a box that can be scrolled with the keyboard; more rows than `most` are thinned out, which it says.
[[nodiscard]] std::string html_table(const Table& table, std::string_view label, std::size_t most = 500);
// What can stand in <script type="application/json">: no tag of the page's can end in it.
[[nodiscard]] std::string embedded(const Json& json);
// 'sha256-...' of a Content-Security-Policy.
[[nodiscard]] std::string csp_hash(std::string_view text);

}  // namespace foretoken
