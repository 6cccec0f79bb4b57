// What rows of all kinds are written with.
#include "report/row_columns.hpp"

#include <fmt/format.h>

#include <iterator>

namespace foretoken {

RowFormat row_format_of(std::string_view path) {
  const bool lines = path == "-" || path.ends_with(".jsonl") || path.ends_with(".ndjson");
  return lines ? RowFormat::jsonl : RowFormat::csv;
}

Result<AtomicFile> create_row_file(const std::string& path) {
  return AtomicFile::create(path == "-" ? "/dev/stdout" : path);
}

void append_ms(std::string& out, Duration duration) {
  const std::int64_t ns = duration.count() < 0 ? -duration.count() : duration.count();
  fmt::format_to(std::back_inserter(out), "{}{}.{:06}", duration.count() < 0 ? "-" : "", ns / 1'000'000,
                 ns % 1'000'000);
}

void append_seconds(std::string& out, TimePoint at) {
  const std::int64_t ns = at.time_since_epoch().count();
  fmt::format_to(std::back_inserter(out), "{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

void append_count(std::string& out, std::int64_t value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

}  // namespace foretoken
