// Results for people and for programs. Text: columns, UTF-8, colour only when asked. JSON: adding keys does not change
// a schema's version, renaming or removing does; a figure that does not exist is absent, an infinite one is null.
//
// Example:
//   std::cout << to_text(*run, {.width = 80});
//   std::cout << to_text(to_json(*run));  // the document as text
#pragma once

#include <string>
#include <string_view>

#include "foretoken/base/json.hpp"

namespace foretoken {

struct BatchStudy;
struct CapacityResult;
struct CheckResult;
struct CompareResult;
struct Explanation;
struct MemoryPlan;
struct MemoryStudy;
struct ModelBand;
struct Provenance;
struct RecommendResult;
struct RunResult;
struct Summary;
struct SweepResult;

// How text is laid out. The caller knows the terminal; reports only obey.
struct TextStyle {
  static constexpr int kUnknownWidth = 100;  // of a file, or a terminal that does not say

  bool color = false;                            // ANSI escapes
  int width = kUnknownWidth;                     // columns that tables and sentences may take
  bool markdown = false;                         // tables and commands as GitHub shows them
  bool full = false;                             // all there is to tell, where the short answer is the usual one
  std::string_view elsewhere = "--format json";  // where columns stand that a table leaves out
};

[[nodiscard]] std::string to_text(const RunResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const SweepResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const Explanation& explanation, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const CheckResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const CapacityResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const CompareResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const RecommendResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const BatchStudy& study, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const MemoryStudy& study, const TextStyle& style = {});

// Schema foretoken.<result, sweep, explanation, check, capacity, compare, recommend, batch, memory>/1.
[[nodiscard]] Json to_json(const RunResult& result);
// With all that is needed to make it again: what `foretoken run --format json` writes.
[[nodiscard]] Json to_json(const RunResult& result, const Provenance& provenance);
[[nodiscard]] Json to_json(const SweepResult& result);
[[nodiscard]] Json to_json(const Explanation& explanation);
[[nodiscard]] Json to_json(const CheckResult& result);
[[nodiscard]] Json to_json(const CapacityResult& result);
[[nodiscard]] Json to_json(const CompareResult& result);
[[nodiscard]] Json to_json(const RecommendResult& result);
[[nodiscard]] Json to_json(const BatchStudy& study);
[[nodiscard]] Json to_json(const MemoryStudy& study);

// Parts of these documents.
[[nodiscard]] Json to_json(const Summary& summary);
[[nodiscard]] Json to_json(const MemoryPlan& plan);
[[nodiscard]] Json to_json(const ModelBand& band);

// The flat object that `vllm bench serve --save-result` writes, in its convention of
// TPOT, over completed requests. Of several replications one.
[[nodiscard]] Json to_vllm_json(const RunResult& result, std::size_t replication = 0);

}  // namespace foretoken
