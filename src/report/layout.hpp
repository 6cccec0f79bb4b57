// Tables and sentences within the width of the terminal: the one place that decides what does not fit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/report/report.hpp"

namespace foretoken {

// Cells in columns, padded to the widest; columns of numbers are right-aligned. A table that is too wide leaves whole
// columns out, and says which; no line of it is broken.
class TextTable {
 public:
  // `alignments`: one of l r per column. `importance`: a digit per column; 0 stays, of the others the highest leaves
  // first, and of equal ones the rightmost. Without it, all stay.
  explicit TextTable(std::string alignments, std::string importance = "")
      : alignments_(std::move(alignments)), importance_(std::move(importance)) {}
  // The first row is one like the others; else it names the columns.
  TextTable& without_headings() {
    has_headings_ = false;
    return *this;
  }
  // Control characters and line breaks of a name cannot leave its cell.
  void row(std::vector<std::string> cells);
  [[nodiscard]] std::string text(const TextStyle& style, std::string_view indent = "") const;

 private:
  [[nodiscard]] std::vector<std::size_t> natural_widths() const;
  [[nodiscard]] char importance_of(std::size_t column) const;

  std::string alignments_;
  std::string importance_;
  bool has_headings_ = true;
  std::vector<std::vector<std::string>> rows_;
};

// Lines that are too wide, broken between words; what follows stands under the line's own indent. A word that is
// wider than a line stays whole, so that paths and commands can be copied.
[[nodiscard]] std::string within_width(std::string_view text, const TextStyle& style);

// A command for a shell, which goes on in the next line behind a backslash.
[[nodiscard]] std::string shell_command(std::string_view command, const TextStyle& style, std::string_view indent);

// Columns on screen of UTF-8 text; escapes of colour take none. Characters of double width count as one.
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace foretoken
