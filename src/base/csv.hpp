// Rows of a CSV or line-based file, streamed, with line numbers for diagnostics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"

namespace foretoken {

// Reads a text file line by line. Refuses directories, pipes, devices, unreadable and
// binary (NUL-bearing) files; strips a UTF-8 mark and CR; a line over 1 MiB is an error.
class LineReader {
 public:
  [[nodiscard]] static Result<LineReader> open(const std::string& path);

  // False at the end of file or after an error (see `diagnostics`).
  [[nodiscard]] bool next(std::string& line);
  [[nodiscard]] int line_number() const { return line_number_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Diagnostics& diagnostics() const { return diagnostics_; }

 private:
  bool refill();
  bool refuse(std::string message, std::string hint);

  std::string path_;
  std::ifstream stream_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // unread part of the buffer
  std::size_t end_ = 0;
  int line_number_ = 0;
  Diagnostics diagnostics_;
};

// RFC 4180 fields of one line (quotes, doubled quotes). A quote inside an
// unquoted field stands for itself; an empty line is one empty field.
[[nodiscard]] std::vector<std::string> split_csv(std::string_view line);
// The line ends inside a quoted field: a value with a line break, or a stray
// quote. Neither is read; the caller reports it.
[[nodiscard]] bool ends_inside_quotes(std::string_view line);

// Strict numbers: whole field, no sign tricks, no NaN/inf/hex, no overflow.
[[nodiscard]] bool parse_number(std::string_view text, double& out);
[[nodiscard]] bool parse_number(std::string_view text, std::int64_t& out);

}  // namespace foretoken
