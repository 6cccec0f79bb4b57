// Azure LLM 2023/2024, BurstGPT and the plain CSV.
#include <cmath>

#include <fmt/format.h>

#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

// Column (from 1) where field i of the line begins.
int column_of(const std::string& line, std::size_t field) {
  std::size_t at = 0;
  for (; field > 0 && at != std::string::npos; --field) at = line.find(',', at == 0 ? 0 : at + 1);
  return at == std::string::npos || at == 0 ? 1 : static_cast<int>(at) + 2;
}

bool has_fields(const std::string& line, const std::vector<std::string>& fields, std::size_t wanted, ParsedRow& row) {
  if (fields.size() == wanted) return true;
  row.error = fmt::format("expected {} fields, found {}", wanted, fields.size());
  row.column = static_cast<int>(line.size()) + 1;
  return false;
}

// Days since 1970-01-01 (Howard Hinnant's days_from_civil).
std::int64_t days_from_civil(std::int64_t y, std::int64_t m, std::int64_t d) {
  y -= m <= 2;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t yoe = y - era * 400;
  const std::int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

// "2023-11-16 18:17:03.9799600", 2024 files add "+00:00".
bool parse_timestamp(std::string_view text, double& seconds) {
  const auto number = [&](std::size_t at, std::size_t length, std::int64_t& out) {
    return at + length <= text.size() && parse_number(text.substr(at, length), out);
  };
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0;
  if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day) || !number(11, 2, hour) ||
      !number(14, 2, minute) || text.size() < 19) {
    return false;
  }
  if (text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':') return false;
  std::string_view rest = text.substr(17);
  if (const auto zone = rest.find_first_of("+Z"); zone != std::string_view::npos) {
    const std::string_view z = rest.substr(zone);
    if (z != "Z" && z != "+00:00" && z != "+00") return false;
    rest = rest.substr(0, zone);
  }
  double second = 0;
  if (!parse_number(rest, second) || second < 0 || second >= 61) return false;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59) return false;
  seconds = static_cast<double>((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  return true;
}

void parse_azure(const std::string& line, ParsedRow& row) {
  const auto fields = split_csv(line);
  if (!has_fields(line, fields, 3, row)) return;
  if (!parse_timestamp(fields[0], row.arrival_s)) {
    row.error = fmt::format("'{}' is not a timestamp like 2023-11-16 18:17:03.9799600", fields[0]);
    row.column = 1;
    return;
  }
  parse_tokens(fields[1], "ContextTokens", column_of(line, 1), row.input, row);
  parse_tokens(fields[2], "GeneratedTokens", column_of(line, 2), row.output, row);
}

void parse_seconds(std::string_view text, const char* name, int column, ParsedRow& row) {
  if (parse_number(text, row.arrival_s) && std::abs(row.arrival_s) <= 9e9) return;
  row.error = fmt::format("{} '{}' is not a number of seconds", name, text);
  row.column = column;
}

// A response of 0 tokens is a failed call: no request that a server would have completed.
void parse_burstgpt(const std::string& line, ParsedRow& row) {
  const auto fields = split_csv(line);
  // Newer files have Session ID and Elapsed time: Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,...
  const bool long_form = fields.size() == 8;
  if (!long_form && !has_fields(line, fields, 6, row)) return;
  const std::size_t tokens = long_form ? 4 : 2;
  parse_seconds(fields[0], "Timestamp", 1, row);
  if (!row.error.empty()) return;
  if (fields[tokens + 1] == "0") { row.skip = true; return; }
  parse_tokens(fields[tokens], "Request tokens", column_of(line, tokens), row.input, row);
  parse_tokens(fields[tokens + 1], "Response tokens", column_of(line, tokens + 1), row.output, row);
}

void parse_plain(const std::string& line, ParsedRow& row) {
  const auto fields = split_csv(line);
  if (!has_fields(line, fields, 3, row)) return;
  parse_seconds(fields[0], "arrival_s", 1, row);
  parse_tokens(fields[1], "input_tokens", column_of(line, 1), row.input, row);
  parse_tokens(fields[2], "output_tokens", column_of(line, 2), row.output, row);
}

bool starts_with(const std::string& line, std::string_view header) { return line.rfind(header, 0) == 0; }

}  // namespace

const TraceFormat kAzureFormat{
    "azure", "TIMESTAMP,ContextTokens,GeneratedTokens",
    [](const std::string& line) { return starts_with(line, "TIMESTAMP,ContextTokens,GeneratedTokens"); },
    true, parse_azure, 0};
const TraceFormat kBurstGptFormat{
    "burstgpt", "Timestamp,[Session ID,Elapsed time,]Model,Request tokens,Response tokens,Total tokens,Log Type",
    [](const std::string& line) { return starts_with(line, "Timestamp,") && line.find("Request tokens") != std::string::npos; },
    true, parse_burstgpt, 0};
const TraceFormat kPlainFormat{
    "csv", "arrival_s,input_tokens,output_tokens",
    [](const std::string& line) { return starts_with(line, "arrival_s,input_tokens,output_tokens"); },
    true, parse_plain, 0};

}  // namespace foretoken
