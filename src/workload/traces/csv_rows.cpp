// Rows of a CSV trace, by the column names of its header.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/csv.hpp"
#include "foretoken/base/result.hpp"
#include "workload/lengths/lengths.hpp"
#include "workload/traces/row_parser.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMissing = static_cast<std::size_t>(-1);

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::size_t find_column(const std::vector<std::string>& header, std::string_view name) {
  const auto place = std::find_if(header.begin(), header.end(),
                                  [&](const std::string& column) { return same_name(trimmed(column), name); });
  return place == header.end() ? kMissing : static_cast<std::size_t>(place - header.begin());
}

class CsvParser final : public RowParser {
 public:
  CsvParser(const TraceFormat& format, std::array<std::size_t, 3> columns, std::size_t width)
      : format_(format), columns_(columns), width_(width), fields_(width), places_(width) {}

  bool parse(std::string_view line, ParsedRow& row, RowProblem& problem) override {
    const std::size_t found = split(line);
    if (found != width_) {
      problem = {static_cast<int>(line.size()) + 1, fmt::format("the header has {} fields, this row {}", width_, found),
                 found < width_ ? "if it is the last row, the file may have been cut off" : ""};
      return false;
    }
    return read_time(row, problem) && read_tokens(columns_[1], format_.input, row.input, problem) &&
           read_tokens(columns_[2], format_.output, row.output, problem);
  }

 private:
  // Views into the line, without copies; quoted lines take base's splitter. Returns how many
  // fields there are, of which the first `width_` are kept.
  std::size_t split(std::string_view line) {
    if (line.find('"') != std::string_view::npos) {
      unquoted_ = split_csv(line);
      for (std::size_t i = 0; i < std::min(width_, unquoted_.size()); ++i) {
        fields_[i] = trimmed(unquoted_[i]);
        places_[i] = 1;
      }
      return unquoted_.size();
    }
    std::size_t count = 0, begin = 0;
    while (true) {
      const std::size_t comma = std::min(line.find(',', begin), line.size());
      if (count < width_) {
        fields_[count] = trimmed(line.substr(begin, comma - begin));
        places_[count] = static_cast<int>(begin) + 1;
      }
      ++count;
      if (comma == line.size()) return count;
      begin = comma + 1;
    }
  }

  bool read_time(ParsedRow& row, RowProblem& problem) const {
    const std::size_t column = columns_[0];
    if (column == kMissing) return true;
    const std::string_view text = fields_[column];
    std::optional<std::int64_t> time;
    double value = 0;
    if (format_.clock == TraceFormat::Clock::calendar) {
      time = parse_timestamp(text);
    } else if (parse_number(text, value)) {
      time = time_from(value, 1e9);
    }
    if (time) {
      row.time_ns = *time;
      return true;
    }
    const char* allowed = format_.clock == TraceFormat::Clock::calendar ? "a time like 2023-11-16 18:17:03.9799600"
                                                                        : "a number of seconds, 0 or more";
    problem = {places_[column], fmt::format("{} is '{}': it must be {}", format_.time, text, allowed), ""};
    return false;
  }

  bool read_tokens(std::size_t column, std::string_view name, std::int64_t& out, RowProblem& problem) const {
    const std::string_view text = fields_[column];
    if (!parse_number(text, out)) {
      // Tables that passed through a spreadsheet or pandas say 12.0.
      double value = 0;
      const bool whole = parse_number(text, value) && value >= 0 && value <= static_cast<double>(kMaxTokens) &&
                         value == static_cast<double>(static_cast<std::int64_t>(value));
      out = whole ? static_cast<std::int64_t>(value) : -1;
    }
    if (out >= (format_.zero_means_failed ? 0 : 1) && out <= kMaxTokens) return true;
    problem = {places_[column],
               fmt::format("{} is '{}': it must be a whole number from 1 to {}", name, text, kMaxTokens), ""};
    return false;
  }

  TraceFormat format_;
  std::array<std::size_t, 3> columns_;  // time, input, output
  std::size_t width_;
  std::vector<std::string_view> fields_;
  std::vector<int> places_;
  std::vector<std::string> unquoted_;
};

}  // namespace

std::unique_ptr<RowParser> make_csv_parser(const TraceFormat& format, std::string_view header, bool with_times,
                                           RowProblem& problem) {
  const std::vector<std::string> names = split_csv(header);
  const std::array<std::size_t, 3> columns = {with_times ? find_column(names, format.time) : kMissing,
                                              find_column(names, format.input), find_column(names, format.output)};
  const std::array<std::string_view, 3> wanted = {format.time, format.input, format.output};
  std::string missing, hint;
  for (std::size_t i = with_times ? 0 : 1; i < columns.size(); ++i) {
    if (columns[i] != kMissing) continue;
    missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", wanted[i]);
    if (const std::string close = closest_match(wanted[i], names); !close.empty()) {
      hint += fmt::format("{}is '{}' meant to be '{}'?", hint.empty() ? "" : " ", trimmed(close), wanted[i]);
    }
  }
  if (missing.empty()) return std::make_unique<CsvParser>(format, columns, names.size());
  problem = {1,
             fmt::format("the header of a trace of format '{}' must name the columns {}, {} and {}; missing: {}",
                         format.name, format.time, format.input, format.output, missing),
             hint};
  return nullptr;
}

bool recognises(const TraceFormat& format, std::string_view first_line, bool with_times) {
  if (format.shape == TraceFormat::Shape::csv) {
    RowProblem ignored;
    return make_csv_parser(format, first_line, with_times, ignored) != nullptr;
  }
  const auto has_key = [&](std::string_view key) {
    return first_line.find(fmt::format("\"{}\"", key)) != std::string_view::npos;
  };
  return first_line.substr(0, 1) == "{" && has_key(format.input) && has_key(format.output);
}

}  // namespace foretoken
