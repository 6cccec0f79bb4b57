// Rows of a JSON-lines trace: one object a line, by its keys.
#include <fmt/format.h>

#include <cmath>

#include "foretoken/base/json.hpp"
#include "workload/lengths/lengths.hpp"
#include "workload/traces/row_parser.hpp"

namespace foretoken {
namespace {

double nanoseconds_per_unit(TraceFormat::Clock clock) {
  switch (clock) {
    case TraceFormat::Clock::milliseconds:
      return 1e6;
    case TraceFormat::Clock::nanoseconds:
      return 1;
    default:
      return 1e9;
  }
}

class JsonParser final : public RowParser {
 public:
  JsonParser(const TraceFormat& format, bool with_times) : format_(format), with_times_(with_times) {}

  bool parse(std::string_view line, ParsedRow& row, RowProblem& problem) override {
    const Result<Json> object = parse_json(line, "");
    if (!object) {
      const Diagnostics why = object.error();
      problem = {1, "not a JSON object", "each line must be one whole JSON object; was the file cut off here?"};
      if (!why.empty()) problem = {why.items().front().where.column, why.items().front().message, problem.hint};
      return false;
    }
    if (object->if_object() == nullptr) {
      problem = {1, "each line must be one JSON object", ""};
      return false;
    }
    return read_time(*object, line, row, problem) && read_tokens(*object, line, format_.input, row.input, problem) &&
           read_tokens(*object, line, format_.output, row.output, problem) && read_hashes(*object, line, row, problem);
  }

 private:
  // Where the key stands in the line.
  static int column_of(std::string_view line, std::string_view key) {
    const std::size_t at = line.find(fmt::format("\"{}\"", key));
    return at == std::string_view::npos ? 1 : static_cast<int>(at) + 1;
  }

  bool read_time(const Json& object, std::string_view line, ParsedRow& row, RowProblem& problem) const {
    if (!with_times_) return true;
    double value = 0;
    if (object[format_.time].number(value)) {
      if (const auto time = time_from(value, nanoseconds_per_unit(format_.clock))) {
        row.time_ns = *time;
        return true;
      }
    }
    problem = wrong(object, line, format_.time, "a number, 0 or more");
    return false;
  }

  bool read_tokens(const Json& object, std::string_view line, std::string_view key, std::int64_t& out,
                   RowProblem& problem) const {
    double value = 0;
    const double least = format_.zero_means_failed ? 0 : 1;
    if (object[key].number(value) && value >= least && value <= static_cast<double>(kMaxTokens) &&
        value == std::floor(value)) {
      out = static_cast<std::int64_t>(value);
      return true;
    }
    problem = wrong(object, line, key, fmt::format("a whole number from 1 to {}", kMaxTokens));
    return false;
  }

  bool read_hashes(const Json& object, std::string_view line, ParsedRow& row, RowProblem& problem) const {
    row.hashes.clear();
    if (format_.hash_ids.empty() || object[format_.hash_ids].is_null()) return true;
    const auto* ids = object[format_.hash_ids].if_array();
    for (std::size_t i = 0; ids != nullptr && i < ids->size(); ++i) {
      const std::int64_t* id = (*ids)[i].if_int();
      if (id == nullptr) {
        ids = nullptr;
        break;
      }
      row.hashes.push_back(*id);
    }
    if (ids != nullptr) return true;
    problem = wrong(object, line, format_.hash_ids, "a list of whole numbers");
    return false;
  }

  RowProblem wrong(const Json& object, std::string_view line, std::string_view key, std::string_view allowed) const {
    const Json& value = object[key];
    if (value.is_null()) return {column_of(line, key), fmt::format("'{}' is missing: it must be {}", key, allowed), ""};
    std::string text = to_text(value, 0);
    if (text.size() > 40) text = text.substr(0, 37) + "...";
    return {column_of(line, key), fmt::format("'{}' is {}: it must be {}", key, text, allowed), ""};
  }

  TraceFormat format_;
  bool with_times_;
};

}  // namespace

std::unique_ptr<RowParser> make_json_parser(const TraceFormat& format, bool with_times) {
  return std::make_unique<JsonParser>(format, with_times);
}

}  // namespace foretoken
