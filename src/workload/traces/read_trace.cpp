// Reading a trace file: recognise, parse, check the order, keep what the extent asks for.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/csv.hpp"
#include "base/random.hpp"
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

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

TraceReader::TraceReader(LineReader lines, const TraceExtent& extent)
    : lines_(std::move(lines)), extent_(extent), row_(std::make_unique<ParsedRow>()) {}
TraceReader::TraceReader(TraceReader&&) noexcept = default;
TraceReader& TraceReader::operator=(TraceReader&&) noexcept = default;
TraceReader::~TraceReader() = default;

Result<TraceReader> TraceReader::open(const std::string& path, const std::string& format, const TraceExtent& extent) {
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
  TraceReader reader(std::move(*lines), extent);
  if (!reader.choose(format)) return reader.problems_;
  return reader;
}

// The format, by name or by the first line; a file of blank lines has none and no rows. False
// when there is a first line that will not do.
bool TraceReader::choose(const std::string& format_name) {
  do {
    if (!lines_.next(line_)) return true;
  } while (blank(line_));
  for (const TraceFormat& f : trace_formats()) {
    if (format_name == f.name || (format_name == "auto" && recognises(f, line_, extent_.arrivals))) {
      return use(f, line_);
    }
  }
  std::string hint = known_formats();
  if (line_.front() == '[') hint = "one JSON object a line is expected, not a list of them; " + hint;
  problems_.error({lines_.path(), lines_.line_number(), 1}, "this first line is not that of a known trace format",
                  std::move(hint), excerpt(line_));
  return false;
}

bool TraceReader::use(const TraceFormat& format, std::string_view line) {
  format_ = format;
  if (format.shape == TraceFormat::Shape::json_lines) {
    parser_ = make_json_parser(format, extent_.arrivals);
    line_is_row_ = true;
    return true;
  }
  RowProblem problem;
  parser_ = make_csv_parser(format, line, extent_.arrivals, problem);
  if (!parser_) fail(std::move(problem), line);
  return parser_ != nullptr;
}

void TraceReader::fail(RowProblem problem, std::string_view line) {
  problems_.error({lines_.path(), lines_.line_number(), problem.column}, std::move(problem.message),
                  std::move(problem.hint), excerpt(line));
}

std::optional<TraceRow> TraceReader::next() {
  while (!ended_) {
    const bool more = problems_.items().size() < kMaxTraceProblems && (line_is_row_ || lines_.next(line_));
    if (!more) break;
    line_is_row_ = false;
    if (blank(line_)) continue;
    const Taken taken = take(line_);
    if (taken == Taken::end) break;
    if (taken == Taken::nothing) continue;
    return TraceRow{row_->time_ns - zero_ns_, static_cast<std::int32_t>(row_->input),
                    static_cast<std::int32_t>(row_->output)};
  }
  if (!ended_) finish();
  return std::nullopt;
}

const std::vector<std::int64_t>& TraceReader::hash_ids() const {
  return row_->hashes;
}

// One line into `row_`; `end` when no further row is needed.
TraceReader::Taken TraceReader::take(std::string_view line) {
  RowProblem problem;
  ParsedRow& row = *row_;
  if (!parser_->parse(line, row, problem)) {
    fail(std::move(problem), line);
    return Taken::nothing;
  }
  if (extent_.arrivals && row.time_ns < last_ns_) {
    fail({1,
          fmt::format("this row is {:.6f} s earlier than the row before it",
                      to_seconds(Duration{last_ns_ - row.time_ns})),
          "rows must stand in order of time: sort the file"},
         line);
    return Taken::nothing;
  }
  const bool new_time = row.time_ns != last_ns_;
  if (format_.clock == TraceFormat::Clock::calendar && last_ns_ < 0) zero_ns_ = row.time_ns;
  last_ns_ = row.time_ns;
  const std::int64_t time = row.time_ns - zero_ns_;
  if (extent_.end && time >= extent_.end->count()) return Taken::end;
  if (extent_.rows && new_time && rows_from_start_ >= *extent_.rows) return Taken::end;
  // A row before the start may still be spread beyond it.
  if (extent_.start && time < extent_.start->count() - format_.coarse.count()) return Taken::nothing;
  if (row.input == 0 || row.output == 0) {
    ++failed_rows_;
    return Taken::nothing;
  }
  if (new_time || rows_ == 0) ++distinct_times_;
  if (!extent_.start || time >= extent_.start->count()) ++rows_from_start_;
  ++rows_;
  return Taken::row;
}

void TraceReader::finish() {
  ended_ = true;
  problems_.append(lines_.diagnostics());
  if (problems_.items().size() >= kMaxTraceProblems) {
    problems_.error({lines_.path(), lines_.line_number(), 0},
                    fmt::format("reading stopped here, after {} problems", kMaxTraceProblems));
  }
  if (problems_.has_errors() || rows_ > 0) return;
  if (failed_rows_ > 0) {
    problems_.error(
        {lines_.path(), 0, 0},
        fmt::format("all {} requests of this trace failed: they have no prompt or no output tokens", failed_rows_));
  } else if (extent_.start || extent_.end) {
    problems_.error(
        {lines_.path(), 0, 0}, "the slice from start to end holds no requests",
        last_ns_ < 0 ? "" : fmt::format("rows were read up to {:.3f} s", to_seconds(Duration{last_ns_ - zero_ns_})));
  } else {
    problems_.error({lines_.path(), 0, 0}, "the trace has no requests", known_formats());
  }
}

Result<Trace> hold_whole(TraceReader reader, const TraceExtent& extent) {
  Trace trace;
  if (!reader.format().hash_ids.empty()) trace.prefixes.emplace();
  while (const std::optional<TraceRow> row = reader.next()) {
    trace.rows.push_back(*row);
    if (trace.prefixes) trace.prefixes->add_row(reader.hash_ids());
  }
  if (reader.problems().has_errors()) return reader.problems();
  trace.failed_rows = reader.failed_rows();
  const Duration coarse = reader.format().coarse;
  if (coarse > Duration{} && extent.arrivals && reader.shares_times()) spread(trace.rows, coarse);
  return trace;
}

Result<Trace> read_trace(const std::string& path, const std::string& format, const TraceExtent& extent) {
  auto reader = TraceReader::open(path, format, extent);
  if (!reader) return reader.error();
  return hold_whole(std::move(*reader), extent);
}

}  // namespace foretoken
