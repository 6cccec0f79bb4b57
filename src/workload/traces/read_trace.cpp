// Reading a trace file: recognise, parse, check the order, keep what the extent asks for.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "foretoken/base/csv.hpp"
#include "foretoken/base/random.hpp"
#include "workload/traces/row_parser.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

std::string known_formats() {
  std::string text = "known formats:";
  for (const TraceFormat& f : trace_formats()) {
    const bool csv = f.shape == TraceFormat::Shape::csv;
    text += csv ? fmt::format(" {} ({},{},{}),", f.name, f.time, f.input, f.output)
                : fmt::format(" {} ({{\"{}\", \"{}\", \"{}\"}}),", f.name, f.time, f.input, f.output);
  }
  text.pop_back();
  return text;
}

// Long lines would drown the message.
std::string excerpt(std::string_view line) {
  return std::string(line.substr(0, 160));
}

// Rows that share a time of a coarse clock get times drawn uniformly from the span that the
// clock stood still: until its next time, or for `coarse` if that is sooner. Uniform and
// independent, as a Poisson process given its count; drawn from the time itself, so that
// every run and every slice of the file sees the same.
void spread(std::vector<TraceRow>& rows, Duration coarse) {
  std::vector<std::int64_t> times;
  for (std::size_t begin = 0; begin < rows.size();) {
    const std::int64_t at = rows[begin].arrival_ns;
    std::size_t end = begin;
    while (end < rows.size() && rows[end].arrival_ns == at) ++end;
    const std::int64_t span = end < rows.size() ? std::min(coarse.count(), rows[end].arrival_ns - at) : coarse.count();
    RandomStream stream(static_cast<std::uint64_t>(at), "trace_spread");
    times.clear();
    for (std::size_t i = begin; i < end; ++i) times.push_back(at + stream.uniform_int(0, span - 1));
    std::sort(times.begin(), times.end());
    for (std::size_t i = begin; i < end; ++i) rows[i].arrival_ns = times[i - begin];
    begin = end;
  }
}

class Reader {
 public:
  Reader(LineReader lines, std::string format_name, const TraceExtent& extent)
      : lines_(std::move(lines)), format_name_(std::move(format_name)), extent_(extent) {}

  Result<Trace> read() {
    std::string line;
    bool more = true;
    while (more && problems_.items().size() < kMaxTraceProblems && lines_.next(line)) {
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      if (!parser_) {
        if (!choose(line)) return problems_;
        if (format_.shape == TraceFormat::Shape::csv) continue;
      }
      more = add(line);
    }
    problems_.append(lines_.diagnostics());
    if (problems_.items().size() >= kMaxTraceProblems) {
      problems_.error({lines_.path(), lines_.line_number(), 0},
                      fmt::format("reading stopped here, after {} problems", kMaxTraceProblems));
    }
    if (!problems_.has_errors() && trace_.rows.empty()) report_nothing();
    if (problems_.has_errors()) return problems_;
    if (format_.coarse > Duration{} && extent_.arrivals && trace_.rows.size() >= 2 * distinct_times_) {
      spread(trace_.rows, format_.coarse);
    }
    return std::move(trace_);
  }

 private:
  // The format, by name or by the first line.
  bool choose(std::string_view line) {
    for (const TraceFormat& f : trace_formats()) {
      if (format_name_ == f.name || (format_name_ == "auto" && recognises(f, line, extent_.arrivals))) {
        return use(f, line);
      }
    }
    std::string hint = known_formats();
    if (line.front() == '[') hint = "one JSON object a line is expected, not a list of them; " + hint;
    problems_.error({lines_.path(), lines_.line_number(), 1}, "this first line is not that of a known trace format",
                    std::move(hint), excerpt(line));
    return false;
  }

  bool use(const TraceFormat& format, std::string_view line) {
    format_ = format;
    if (!format.hash_ids.empty()) trace_.prefixes.emplace();
    if (format.shape == TraceFormat::Shape::json_lines) {
      parser_ = make_json_parser(format, extent_.arrivals);
      return true;
    }
    RowProblem problem;
    parser_ = make_csv_parser(format, line, extent_.arrivals, problem);
    if (!parser_) fail(std::move(problem), line);
    return parser_ != nullptr;
  }

  void fail(RowProblem problem, std::string_view line) {
    problems_.error({lines_.path(), lines_.line_number(), problem.column}, std::move(problem.message),
                    std::move(problem.hint), excerpt(line));
  }

  // False when no further row is needed.
  bool add(std::string_view line) {
    RowProblem problem;
    if (!parser_->parse(line, row_, problem)) {
      fail(std::move(problem), line);
      return true;
    }
    if (extent_.arrivals && row_.time_ns < last_ns_) {
      fail({1,
            fmt::format("this row is {:.6f} s earlier than the row before it",
                        to_seconds(Duration{last_ns_ - row_.time_ns})),
            "rows must stand in order of time: sort the file"},
           line);
      return true;
    }
    const bool new_time = row_.time_ns != last_ns_;
    if (format_.clock == TraceFormat::Clock::calendar && last_ns_ < 0) zero_ns_ = row_.time_ns;
    last_ns_ = row_.time_ns;
    const std::int64_t time = row_.time_ns - zero_ns_;
    if (extent_.end && time >= extent_.end->count()) return false;
    if (extent_.rows && new_time && static_cast<std::int64_t>(rows_from_start_) >= *extent_.rows) return false;
    // A row before the start may still be spread beyond it.
    if (extent_.start && time < extent_.start->count() - format_.coarse.count()) return true;
    if (row_.input == 0 || row_.output == 0) {
      ++trace_.failed_rows;
      return true;
    }
    if (new_time || trace_.rows.empty()) ++distinct_times_;
    if (!extent_.start || time >= extent_.start->count()) ++rows_from_start_;
    trace_.rows.push_back({time, static_cast<std::int32_t>(row_.input), static_cast<std::int32_t>(row_.output)});
    if (trace_.prefixes) trace_.prefixes->add_row(row_.hashes);
    return true;
  }

  void report_nothing() {
    if (trace_.failed_rows > 0) {
      problems_.error({lines_.path(), 0, 0},
                      fmt::format("all {} requests of this trace failed: they have no prompt or no output tokens",
                                  trace_.failed_rows));
    } else if (extent_.start || extent_.end) {
      problems_.error(
          {lines_.path(), 0, 0}, "the slice from start to end holds no requests",
          last_ns_ < 0 ? "" : fmt::format("rows were read up to {:.3f} s", to_seconds(Duration{last_ns_ - zero_ns_})));
    } else {
      problems_.error({lines_.path(), 0, 0}, "the trace has no requests", known_formats());
    }
  }

  LineReader lines_;
  std::string format_name_;
  TraceExtent extent_;
  TraceFormat format_{};
  std::unique_ptr<RowParser> parser_;
  ParsedRow row_;
  Trace trace_;
  std::int64_t zero_ns_ = 0;
  std::int64_t last_ns_ = -1;
  std::size_t distinct_times_ = 0;
  std::size_t rows_from_start_ = 0;
  Diagnostics problems_;
};

}  // namespace

Result<Trace> read_trace(const std::string& path, const std::string& format, const TraceExtent& extent) {
  std::vector<std::string> names{"auto"};
  for (const TraceFormat& f : trace_formats()) names.emplace_back(f.name);
  if (std::find(names.begin(), names.end(), format) == names.end()) {
    Diagnostics problems;
    const std::string close = closest_match(format, names);
    problems.error({path, 0, 0}, fmt::format("unknown trace format '{}'", format),
                   close.empty() ? known_formats() : fmt::format("did you mean '{}'?", close));
    return problems;
  }
  auto lines = LineReader::open(path);
  if (!lines) return lines.error();
  return Reader(std::move(*lines), format, extent).read();
}

TraceCursor::TraceCursor(const TraceConfig& config, Trace trace, std::optional<std::int64_t> limit)
    : trace_(std::move(trace)),
      origin_(config.start ? config.start->count() : 0),
      scale_(config.time_scale / config.rate_scale) {
  const auto first_at = [&](std::optional<Duration> time, std::size_t otherwise) {
    if (!time) return otherwise;
    const auto place = std::lower_bound(trace_.rows.begin(), trace_.rows.end(), time->count(),
                                        [](const TraceRow& row, std::int64_t ns) { return row.arrival_ns < ns; });
    return static_cast<std::size_t>(place - trace_.rows.begin());
  };
  next_ = first_at(config.start, 0);
  end_ = first_at(config.end, trace_.rows.size());
  if (limit) end_ = std::min(end_, next_ + static_cast<std::size_t>(*limit));
}

TimePoint TraceCursor::time_of(const TraceRow& row) const {
  const std::int64_t ns = row.arrival_ns - origin_;
  if (scale_ == 1) return TimePoint{Duration{ns}};
  const double scaled = static_cast<double>(ns) * scale_;
  return scaled < 0x1p62 ? TimePoint{Duration{static_cast<std::int64_t>(scaled + 0.5)}} : kNever;
}

Result<TraceCursor> open_trace(const TraceConfig& config, std::optional<std::int64_t> limit) {
  auto trace = read_trace(config.path, config.format, {true, config.start, config.end, limit});
  if (!trace) return trace.error();
  TraceCursor cursor(config, std::move(*trace), limit);
  if (!cursor.rows_left().empty()) return cursor;
  Diagnostics problems;
  problems.error({config.path, 0, 0}, "the slice from start to end holds no requests");
  return problems;
}

}  // namespace foretoken
