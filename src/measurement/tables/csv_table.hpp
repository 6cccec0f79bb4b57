// A measurement file with a header line, held whole, and everything that is wrong with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.hpp"

namespace foretoken {

class CsvTable {
 public:
  // Errors: unreadable or empty file, missing or repeated columns, lines of another width, a
  // value in `numbers` that is neither empty nor a number of at least 0 (nor inf, where rates are).
  struct Columns {
    std::vector<std::string_view> required;
    std::vector<std::string_view> numbers;           // checked where the file has them
    std::vector<std::string_view> infinite_numbers;  // may be inf as well
  };
  [[nodiscard]] static Result<CsvTable> read(const std::string& path, const Columns& columns);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] int line(std::size_t row) const { return rows_[row].line; }
  // Empty when the file has no such column.
  [[nodiscard]] const std::string& text(std::size_t row, std::string_view column) const;
  // Nothing when the cell is empty; infinity for inf.
  [[nodiscard]] std::optional<double> number(std::size_t row, std::string_view column) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Row {
    int line = 0;
    std::vector<std::string> cells;
  };
  void read_header(const std::string& line, const Columns& columns, Diagnostics& problems);
  void read_row(const std::string& line, int number, const Columns& columns, Diagnostics& problems);
  void check(const Row& row, std::string_view column, bool infinite, Diagnostics& problems) const;

  std::string path_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<Row> rows_;
};

// No request was ever measured with more; a slip of the pen is found before it is simulated.
inline constexpr double kMostTokens = 1e7;

// At most this many problems of one file are listed; the rest is counted.
inline constexpr std::size_t kListedProblems = 50;
[[nodiscard]] Diagnostics first_problems(const Diagnostics& problems, const std::string& path);

}  // namespace foretoken
