// Pieces of a run's report that the short answer and the whole one share.
#pragma once

#include <string>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"

namespace foretoken {

class TextTable;

// `parts`: also times that are part of others.
void add_latency_rows(TextTable& table, const Summary& summary, bool parts = true);
[[nodiscard]] std::string bound_line(const char* phase, const Bottleneck& bottleneck);
// A line per objective; those behind the first `most` are counted, and missed ones come first where some are.
[[nodiscard]] std::string slo_section(const RunResult& result, const TextStyle& style, std::size_t most);

// Each pool of several, and the roles where a role has several; empty with one kind of replica.
[[nodiscard]] std::string pools_section(const RunResult& result, const TextStyle& style);

// At most 40 lines: the verdict, load, latency, throughput, what bound it, and what to do.
[[nodiscard]] std::string short_answer(const RunResult& result, const TextStyle& style);

}  // namespace foretoken
