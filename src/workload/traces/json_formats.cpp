// Mooncake and ShareGPT-style JSONL: one object a line.
#include <cmath>

#include <fmt/format.h>

#include "foretoken/base/json.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

// Where the value of `key` stands, for messages.
int column_of(const std::string& line, const std::string& key) {
  const auto at = line.find('"' + key + '"');
  return at == std::string::npos ? 1 : static_cast<int>(at) + 1;
}

bool number_of(const Json& object, const std::string& line, const char* key, double& out, ParsedRow& row) {
  if (object[key].number(out)) return true;
  row.error = object[key].is_null() ? fmt::format("'{}' is missing", key) : fmt::format("'{}' is not a number", key);
  row.column = column_of(line, key);
  return false;
}

void tokens_of(const Json& object, const std::string& line, const char* key, std::int64_t& out, ParsedRow& row) {
  double value = 0;
  if (!number_of(object, line, key, value, row)) return;
  parse_tokens(fmt::format("{}", value), key, column_of(line, key), out, row);
}

// Null, and an error in the row, when the line is no object.
Json object_of(const std::string& line, ParsedRow& row) {
  auto parsed = parse_json(line, "");
  if (parsed && parsed->if_object() != nullptr) return std::move(*parsed);
  row.error = "not a JSON object";
  row.column = 1;
  if (!parsed && !parsed.error().empty()) {
    const Diagnostic d = parsed.error().items().front();
    row.error = d.message;
    row.column = d.where.column;
  }
  return {};
}

// timestamp in ms, input_length, output_length, hash_ids of 512-token blocks.
void parse_mooncake(const std::string& line, ParsedRow& row) {
  const Json object = object_of(line, row);
  if (!row.error.empty()) return;
  double ms = 0;
  if (!number_of(object, line, "timestamp", ms, row)) return;
  row.arrival_s = ms * 1e-3;
  tokens_of(object, line, "input_length", row.input, row);
  tokens_of(object, line, "output_length", row.output, row);
  if (const auto* ids = object["hash_ids"].if_array()) {
    for (const Json& id : *ids) {
      if (id.if_int() == nullptr) {
        row.error = "hash_ids must be integers";
        row.column = column_of(line, "hash_ids");
        return;
      }
      row.hashes.push_back(*id.if_int());
    }
  }
}

// input_toks, output_toks, arrival_time_ns.
void parse_sharegpt(const std::string& line, ParsedRow& row) {
  const Json object = object_of(line, row);
  if (!row.error.empty()) return;
  double ns = 0;
  if (!number_of(object, line, "arrival_time_ns", ns, row)) return;
  row.arrival_s = ns * 1e-9;
  tokens_of(object, line, "input_toks", row.input, row);
  tokens_of(object, line, "output_toks", row.output, row);
}

bool mentions(const std::string& line, std::string_view key) { return line.find(key) != std::string::npos; }

}  // namespace

const TraceFormat kMooncakeFormat{
    "mooncake", "{\"timestamp\": ms, \"input_length\", \"output_length\", \"hash_ids\"}",
    [](const std::string& line) { return mentions(line, "\"input_length\"") && mentions(line, "\"timestamp\""); },
    false, parse_mooncake, 3.0};
const TraceFormat kShareGptFormat{
    "sharegpt", "{\"input_toks\", \"output_toks\", \"arrival_time_ns\"}",
    [](const std::string& line) { return mentions(line, "\"input_toks\""); }, false, parse_sharegpt, 0};

}  // namespace foretoken
