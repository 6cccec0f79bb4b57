// One line of a trace file into numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "workload/traces/trace.hpp"

namespace foretoken {

struct ParsedRow {
  std::int64_t time_ns = 0;  // calendar clocks: since 1970
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::vector<std::int64_t> hashes;
};

struct RowProblem {
  int column = 0;  // from 1
  std::string message, hint;
};

// Contract: parse() fills `row` or returns false and fills `problem`. It checks what a line
// can show by itself: fields present, numbers readable, not negative, not beyond kMaxTokens.
class RowParser {
 public:
  virtual ~RowParser() = default;
  [[nodiscard]] virtual bool parse(std::string_view line, ParsedRow& row, RowProblem& problem) = 0;
};

// `header` is the file's first line. Null and a problem when a needed column is missing.
[[nodiscard]] std::unique_ptr<RowParser> make_csv_parser(const TraceFormat& format, std::string_view header,
                                                         bool with_times, RowProblem& problem);
[[nodiscard]] std::unique_ptr<RowParser> make_json_parser(const TraceFormat& format, bool with_times);

// True when the first line of a file shows this format: its header has the columns, or it is
// a JSON object with the keys.
[[nodiscard]] bool recognises(const TraceFormat& format, std::string_view first_line, bool with_times);

// "2023-11-16 18:17:03.9799600", with T for the space and with Z or +hh:mm after it, as
// nanoseconds since 1970-01-01 UTC. Nothing for other texts and impossible dates.
[[nodiscard]] std::optional<std::int64_t> parse_timestamp(std::string_view text);

// A number of `unit` nanoseconds each, rounded to whole ones; nothing when negative or
// beyond 2^62 ns.
[[nodiscard]] std::optional<std::int64_t> time_from(double value, double unit);

}  // namespace foretoken
