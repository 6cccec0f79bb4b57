// Trace files: row by row, or whole with one compact row per request, in the file's own time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/csv.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/workload/request_source.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

struct ParsedRow;
struct RowProblem;
class RowParser;

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

// Reads a file row by row: recognises, parses, checks the order, keeps what the extent asks for.
class TraceReader {
 public:
  // Errors: unreadable and binary files, unknown formats.
  [[nodiscard]] static Result<TraceReader> open(const std::string& path, const std::string& format,
                                                const TraceExtent& extent);
  TraceReader(TraceReader&&) noexcept;
  TraceReader& operator=(TraceReader&&) noexcept;
  ~TraceReader();

  // The next row, or nothing at the end of the extent or after kMaxTraceProblems. Broken and
  // unsorted rows are left out; look at problems().
  [[nodiscard]] std::optional<TraceRow> next();
  // Of the row that next() gave last.
  [[nodiscard]] const std::vector<std::int64_t>& hash_ids() const;
  // With line and column; at the end also that there was no request at all.
  [[nodiscard]] const Diagnostics& problems() const { return problems_; }
  [[nodiscard]] const TraceFormat& format() const { return format_; }
  [[nodiscard]] std::int64_t failed_rows() const { return failed_rows_; }
  // Two rows or more to a time, so far.
  [[nodiscard]] bool shares_times() const { return rows_ >= 2 * distinct_times_; }

 private:
  TraceReader(LineReader lines, const TraceExtent& extent);
  [[nodiscard]] bool choose(const std::string& format_name);
  [[nodiscard]] bool use(const TraceFormat& format, std::string_view line);
  void fail(RowProblem problem, std::string_view line);
  enum class Taken { row, nothing, end };
  [[nodiscard]] Taken take(std::string_view line);
  void finish();

  LineReader lines_;
  TraceExtent extent_;
  TraceFormat format_{};
  std::unique_ptr<RowParser> parser_;
  std::unique_ptr<ParsedRow> row_;
  std::string line_;
  bool line_is_row_ = false;  // `line_` is the first one, and no header
  bool ended_ = false;
  std::int64_t zero_ns_ = 0;
  std::int64_t last_ns_ = -1;
  std::int64_t failed_rows_ = 0;
  std::int64_t rows_ = 0, distinct_times_ = 0, rows_from_start_ = 0;
  Diagnostics problems_;
};

// All that `reader` gives, in memory; `extent` is the one it was opened with.
[[nodiscard]] Result<Trace> hold_whole(TraceReader reader, const TraceExtent& extent);

// The whole extent in memory, coarse clocks spread. Errors: unreadable, empty or binary files,
// unknown formats, files without a request, and up to kMaxTraceProblems broken or unsorted rows
// with line and column.
[[nodiscard]] Result<Trace> read_trace(const std::string& path, const std::string& format, const TraceExtent& extent);

// The rows of a trace inside its slice, in the run's time: the slice's start is time 0. One row
// of the file is held at a time; files with hash ids or a coarse clock are held whole, because a
// spread over time needs the rows around and a prefix cache any row.
class TraceCursor {
 public:
  TraceCursor(const TraceConfig& config, TraceReader reader, std::optional<std::int64_t> limit);
  TraceCursor(const TraceConfig& config, Trace trace, std::optional<std::int64_t> limit);

  [[nodiscard]] TimePoint next_time() const { return next_time_; }
  // Precondition: next_time() is not kNever.
  [[nodiscard]] const TraceRow& row() const { return row_; }
  [[nodiscard]] std::int32_t prefix_row() const { return trace_.prefixes ? static_cast<std::int32_t>(next_) : -1; }
  void advance();
  [[nodiscard]] const PrefixTable* prefixes() const { return trace_.prefixes ? &*trace_.prefixes : nullptr; }
  // Of the rows read so far.
  [[nodiscard]] std::int64_t failed_rows() const { return reader_ ? reader_->failed_rows() : trace_.failed_rows; }
  // The rows end before a broken one. After a broken row, this reads on to tell of the others.
  [[nodiscard]] Diagnostics problems();

 private:
  void settle(std::optional<TraceRow> row);
  [[nodiscard]] std::optional<TraceRow> row_in_memory() const;
  [[nodiscard]] TimePoint time_of(const TraceRow& row) const;

  std::optional<TraceReader> reader_;  // otherwise `trace_` holds the rows
  Trace trace_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  std::int64_t left_;  // rows that may still be given
  std::int64_t origin_ = 0;
  double scale_ = 1;
  TraceRow row_;
  TimePoint next_time_ = kNever;
};

// Opens the slice. Errors: TraceReader::open()'s, broken rows before the first good one, and a
// slice without requests; of files held whole, every broken row.
[[nodiscard]] Result<TraceCursor> open_trace(const TraceConfig& config, std::optional<std::int64_t> limit);

}  // namespace foretoken
