// A trace file in memory: one compact row per request, in the file's own time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/base/time.hpp"
#include "foretoken/workload/prefix_table.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

struct TraceRow {
  std::int64_t arrival_ns = 0;  // of the file's clock, see TraceFormat::Clock
  std::int32_t input = 0;
  std::int32_t output = 0;
};

struct Trace {
  std::vector<TraceRow> rows;           // by arrival
  std::optional<PrefixTable> prefixes;  // one entry per row, for formats with hash ids
  std::int64_t failed_rows = 0;         // left out: a prompt or an answer of no tokens
};

// One trace format, as data: which field holds what. Field names match in any order and case;
// other fields are ignored.
struct TraceFormat {
  enum class Shape { csv, json_lines };
  // calendar: "2023-11-16 18:17:03.9799600", UTC or with an offset; time 0 is the first row.
  // The others count from the file's own 0.
  enum class Clock { calendar, seconds, milliseconds, nanoseconds };

  std::string_view name, summary;
  Shape shape;
  Clock clock;
  std::string_view time, input, output;
  std::string_view hash_ids;  // empty = none
  // Logs of real services record calls that failed with 0 tokens: such rows are left out and
  // counted. In a file written for this purpose, 0 tokens are a mistake.
  bool zero_means_failed;
  // A clock so coarse that many rows share a time (recognised by two rows or more to a time):
  // they are spread over it. 0 = as recorded.
  Duration coarse;
};
// In the order in which `auto` tries them.
[[nodiscard]] std::span<const TraceFormat> trace_formats();

// Which part of a file to read. Reading stops at the first row that is not needed, so that
// an hour of a month's trace does not cost the month.
struct TraceExtent {
  bool arrivals = true;                // false: lengths only; the time column may be missing, order is free
  std::optional<Duration> start, end;  // in the file's time
  std::optional<std::int64_t> rows;    // at most, from `start` on
};
inline constexpr TraceExtent kLengthsOnly{false, std::nullopt, std::nullopt, std::nullopt};

inline constexpr std::size_t kMaxTraceProblems = 20;

// Errors: unreadable, empty or binary files, unknown formats, files without a request, and up
// to kMaxTraceProblems broken or unsorted rows with line and column.
[[nodiscard]] Result<Trace> read_trace(const std::string& path, const std::string& format, const TraceExtent& extent);

// The rows of a trace inside its slice, in the run's time: the slice's start is time 0.
class TraceCursor {
 public:
  TraceCursor(const TraceConfig& config, Trace trace, std::optional<std::int64_t> limit);

  [[nodiscard]] TimePoint next_time() const { return next_ < end_ ? time_of(trace_.rows[next_]) : kNever; }
  [[nodiscard]] const TraceRow& row() const { return trace_.rows[next_]; }
  [[nodiscard]] std::int64_t prefix_row() const {
    return trace_.prefixes ? static_cast<std::int64_t>(next_) : std::int64_t{-1};
  }
  void advance() { ++next_; }
  [[nodiscard]] const PrefixTable* prefixes() const { return trace_.prefixes ? &*trace_.prefixes : nullptr; }
  [[nodiscard]] std::span<const TraceRow> rows_left() const {
    return std::span(trace_.rows).subspan(next_, end_ - next_);
  }
  [[nodiscard]] TimePoint time_of(const TraceRow& row) const;
  [[nodiscard]] std::int64_t failed_rows() const { return trace_.failed_rows; }

 private:
  Trace trace_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  std::int64_t origin_ = 0;
  double scale_ = 1;
};

// Reads the slice. Errors: read_trace()'s, and a slice without requests.
[[nodiscard]] Result<TraceCursor> open_trace(const TraceConfig& config, std::optional<std::int64_t> limit);

}  // namespace foretoken
