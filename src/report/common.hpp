// Words and numbers that all reports share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/scenario/scenario.hpp"
#include "foretoken/study/model_band.hpp"
#include "foretoken/study/verdict.hpp"

namespace foretoken {

[[nodiscard]] std::string_view tpot_definition(TpotConvention convention);
[[nodiscard]] std::string_view to_string(Origin origin);
[[nodiscard]] std::string_view to_string(CostLevel level);
[[nodiscard]] const char* mark_of(Decision decision);  // ✓, ✗ or ?

// Llama-3.1-70B on 4 x h100_sxm (TP 4), vllm-v1 0.19.
[[nodiscard]] std::string deployment_line(const Scenario& scenario);

// About four digits for people: 12,346 · 523.4 · 20.12 · 0.0123; "inf" and "-" for what is not finite.
[[nodiscard]] std::string readable(double value);
[[nodiscard]] std::string readable(std::int64_t value);
[[nodiscard]] std::string readable_signed(double value);                        // +12.3
[[nodiscard]] std::string with_unit_of(double value, std::string_view metric);  // 523.4 ms
[[nodiscard]] std::string percent(double share);  // 0.314 → 31.4 %

// How far a step's time may be off, and whether all its operators lie in fitted ranges.
[[nodiscard]] std::string model_sentence(const ModelBand& band);

// 6 $/h for 2 GPUs at 3 $ (prices.gpu_hour, on_demand); an example is called one.
[[nodiscard]] std::string price_sentence(const HourlyPrice& price);

// A bar of `width` cells filled to `share`.
[[nodiscard]] std::string bar(double share, int width);

// Cells in columns, padded to the widest; columns of numbers are right-aligned.
class TextTable {
 public:
  explicit TextTable(std::string alignments) : alignments_(std::move(alignments)) {}  // one of l r per column
  // Control characters and line breaks of a name cannot leave its cell.
  void row(std::vector<std::string> cells);
  [[nodiscard]] std::string text(std::string_view indent = "") const;

 private:
  std::string alignments_;
  std::vector<std::vector<std::string>> rows_;
};

// A field of a CSV row, RFC 4180: quotes only where needed.
[[nodiscard]] std::string csv_text(std::string_view text);

// Characters on screen of UTF-8 text without escapes or wide characters.
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace foretoken
