// Reading a trace file: recognise, parse, check the order, spread coarse timestamps.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "workload/lengths.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMaxErrors = 20;

std::vector<std::string> format_names() {
  std::vector<std::string> names{"auto"};
  for (const TraceFormat& f : trace_formats()) names.emplace_back(f.name);
  return names;
}

std::string known_columns() {
  std::string text = "known formats:";
  for (const TraceFormat& f : trace_formats()) text += fmt::format(" {} ({});", f.name, f.columns);
  text.back() = '.';
  return text;
}

const TraceFormat* find_format(const std::string& name, const std::string& first_line) {
  for (const TraceFormat& f : trace_formats()) {
    if (name == "auto" ? f.recognises(first_line) : name == f.name) return &f;
  }
  return nullptr;
}

// Rows that share a timestamp of a coarse clock stand evenly inside its bucket, which
// ends at the next timestamp if that comes sooner.
void spread(std::vector<TraceRow>& rows, double bucket_s) {
  const auto bucket = static_cast<std::int64_t>(bucket_s * 1e9);
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;
    while (end < rows.size() && rows[end].arrival_ns == rows[i].arrival_ns) ++end;
    const std::int64_t width = end < rows.size() ? std::min(bucket, rows[end].arrival_ns - rows[i].arrival_ns) : bucket;
    const auto count = static_cast<std::int64_t>(end - i);
    for (std::int64_t j = 1; j < count; ++j) rows[i + static_cast<std::size_t>(j)].arrival_ns += width / count * j;
    i = end;
  }
}

class Reader {
 public:
  Reader(LineReader lines, std::string format) : lines_(std::move(lines)), format_name_(std::move(format)) {}

  Result<Trace> read() {
    std::string line;
    while (problems_.items().size() < kMaxErrors && lines_.next(line)) {
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      if (format_ == nullptr) {
        if (!choose(line)) return problems_;
        if (format_->has_header) continue;
      }
      add(line);
    }
    problems_.append(lines_.diagnostics());
    if (problems_.items().size() >= kMaxErrors) {
      problems_.error({lines_.path(), 0, 0}, fmt::format("stopped after {} problems", kMaxErrors));
    }
    if (trace_.rows.empty() && !problems_.has_errors()) {
      problems_.error({lines_.path(), 0, 0}, "the trace has no requests", known_columns());
    }
    if (problems_.has_errors()) return problems_;
    if (format_->bucket_s > 0) spread(trace_.rows, format_->bucket_s);
    if (trace_.hashes.empty()) trace_.first_hash.clear();
    else trace_.first_hash.push_back(trace_.hashes.size());
    return std::move(trace_);
  }

 private:
  bool choose(const std::string& line) {
    format_ = find_format(format_name_, line);
    if (format_ != nullptr && format_->has_header && !format_->recognises(line)) {
      problems_.error({lines_.path(), lines_.line_number(), 1},
                      fmt::format("expected the header of the {} format: {}", format_->name, format_->columns), {}, line);
      return false;
    }
    if (format_ != nullptr) return true;
    problems_.error({lines_.path(), lines_.line_number(), 1}, "not a trace in a known format", known_columns(), line);
    return false;
  }

  void add(const std::string& line) {
    ParsedRow row;
    format_->parse(line, row);
    if (row.skip) return;
    const double since_first = trace_.rows.empty() ? 0 : row.arrival_s - first_s_;
    if (row.error.empty() && !(std::abs(row.arrival_s) < 9e9)) fail(row, 1, "the arrival time is out of range");
    if (row.error.empty() && since_first * 1e9 < static_cast<double>(last_ns_) - 1000) {
      fail(row, 1, fmt::format("arrives {:.6f} s after the first row, before the row above it: the rows must be sorted by time", since_first));
    }
    if (!row.error.empty()) {
      problems_.error({lines_.path(), lines_.line_number(), row.column}, row.error, {}, line);
      return;
    }
    if (trace_.rows.empty()) first_s_ = row.arrival_s;
    // Seconds as doubles since 1970 carry 0.2 µs of noise: never let it reorder rows.
    last_ns_ = std::max(last_ns_, static_cast<std::int64_t>(std::llround(since_first * 1e9)));
    trace_.first_hash.push_back(trace_.hashes.size());
    trace_.hashes.insert(trace_.hashes.end(), row.hashes.begin(), row.hashes.end());
    trace_.rows.push_back({last_ns_, static_cast<std::int32_t>(row.input), static_cast<std::int32_t>(row.output)});
  }

  static void fail(ParsedRow& row, int column, std::string message) {
    row.column = column;
    row.error = std::move(message);
  }

  LineReader lines_;
  std::string format_name_;
  const TraceFormat* format_ = nullptr;
  Trace trace_;
  double first_s_ = 0;
  std::int64_t last_ns_ = 0;
  Diagnostics problems_;
};

}  // namespace

void parse_tokens(std::string_view text, const char* name, int column, std::int64_t& out, ParsedRow& row) {
  if (!row.error.empty()) return;
  double value = 0;
  const bool whole = parse_number(text, value) && value == std::floor(value);
  if (whole && value >= 1 && value <= static_cast<double>(kMaxTokens)) {
    out = static_cast<std::int64_t>(value);
    return;
  }
  row.error = fmt::format("{} must be a whole number from 1 to {}, got '{}'", name, kMaxTokens, text);
  row.column = column;
}

Result<Trace> read_trace(const std::string& path, const std::string& format) {
  const auto names = format_names();
  if (std::find(names.begin(), names.end(), format) == names.end()) {
    Diagnostics problems;
    const std::string close = closest_match(format, names);
    problems.error({path, 0, 0}, fmt::format("unknown trace format '{}'", format),
                   close.empty() ? known_columns() : fmt::format("did you mean '{}'?", close));
    return problems;
  }
  auto lines = LineReader::open(path);
  if (!lines) return lines.error();
  return Reader(std::move(*lines), format).read();
}

}  // namespace foretoken
