// The tail by seed, declared once for the terminal and the document.
#pragma once

#include "report/declared_table.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"
#include "study/tail/tail.hpp"

namespace foretoken {

inline DeclaredTable<TailRow> tail_table() {
  return DeclaredTable<TailRow>()
      .column("seed", "seed", {}, [](const TailRow& row) { return static_cast<std::int64_t>(row.seed); })
      .column("p50_ttft_ms", "TTFT p50 ms", {}, &TailRow::p50_ttft_ms)
      .column("p99_ttft_ms", "p99 ms", {}, &TailRow::p99_ttft_ms);
}

inline std::string to_text(const TailStudy& study, const TextStyle& style = {}) {
  return heading(study.scenario, style) + section("Tail", tail_table().table(study.rows).text(style, "  "), style);
}

inline Json to_json(const TailStudy& study) {
  Json json = document_head("foretoken.tail/1", study.scenario);
  json["rows"] = tail_table().documents(study.rows);
  return json;
}

}  // namespace foretoken
