// A trace file in memory: one compact row per request, in the file's own time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "foretoken/base/csv.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

struct TraceRow {
  std::int64_t arrival_ns = 0;  // since the first row
  std::int32_t input = 0;
  std::int32_t output = 0;
};

struct Trace {
  std::vector<TraceRow> rows;
  // Content of the prompts as block hashes (Mooncake): row r has
  // hashes[first_hash[r] ... first_hash[r + 1]); empty when the format has none.
  std::vector<std::int64_t> hashes;
  std::vector<std::uint64_t> first_hash;
};

// What a format makes of one line; `error` stays empty when the row is fine.
struct ParsedRow {
  double arrival_s = 0;
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::vector<std::int64_t> hashes;
  bool skip = false;       // a row without a request: a failed call in the trace
  std::string error;
  int column = 0;          // of the error, from 1
};

// One trace format. Stateless; a new format is a file and a row in traces/table.cpp.
struct TraceFormat {
  const char* name;
  const char* columns;     // for messages
  // True when the first line (a header, or the first JSON object) is of this format.
  bool (*recognises)(const std::string& first_line);
  bool has_header;
  void (*parse)(const std::string& line, ParsedRow& row);
  // Timestamps are that coarse: rows that share one are spread evenly over it. 0 = exact.
  double bucket_s;
};

[[nodiscard]] const std::vector<TraceFormat>& trace_formats();
extern const TraceFormat kAzureFormat, kBurstGptFormat, kPlainFormat, kMooncakeFormat, kShareGptFormat;

// Errors: unreadable, empty or binary files, unknown formats, and up to 20 broken rows with
// line and column. Rows out of order are errors; tokens are 1 to 100,000,000.
[[nodiscard]] Result<Trace> read_trace(const std::string& path, const std::string& format);

// For the formats: a token count, or an error naming the column.
void parse_tokens(std::string_view text, const char* name, int column, std::int64_t& out, ParsedRow& row);

}  // namespace foretoken
