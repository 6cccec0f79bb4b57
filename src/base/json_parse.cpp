// Reads JSON: Boost.JSON's tokens become values, its errors become diagnostics
// with line, column and the usual cause.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <numeric>

#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxReported = 20;  // a file of repeated keys is one mistake, not a thousand

struct Duplicate {
  std::size_t ordinal;  // the key's number in the text, counted over all objects
  std::size_t first_ordinal;
  std::string key;
};
struct NumberOutOfRange {
  std::size_t offset;
  std::string text;
};

// Handler of boost::json::basic_parser. Keeps the order of keys.
class Builder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  explicit Builder(const char* start) : start_(start) {}

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) { return open(true); }
  bool on_array_begin(bj::error_code&) { return open(false); }
  bool on_object_end(std::size_t, bj::error_code&) {
    note_duplicates(frames_.back());
    return close(Json(std::move(frames_.back().members)));
  }
  bool on_array_end(std::size_t, bj::error_code&) { return close(Json(std::move(frames_.back().elements))); }

  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) { return collect(part); }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    collect(part);
    Frame& frame = frames_.back();
    frame.ordinals.push_back(keys_++);
    frame.members.emplace_back(std::move(part_), Json{});
    part_.clear();
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) { return collect(part); }
  bool on_string(bj::string_view part, std::size_t, bj::error_code&) {
    collect(part);
    place(Json(std::move(part_)));
    part_.clear();
    return true;
  }

  bool on_number_part(bj::string_view part, bj::error_code&) {
    if (part_.empty()) number_offset_ = offset(part);
    return collect(part);
  }
  bool on_int64(std::int64_t number, bj::string_view, bj::error_code&) { return place_number(Json(number)); }
  bool on_uint64(std::uint64_t number, bj::string_view, bj::error_code&) { return place_number(Json(number)); }
  // Boost.JSON 1.81 may miss the nearest double by a unit in the last place; from_chars does not.
  bool on_double(double approximate, bj::string_view part, bj::error_code&) {
    if (part_.empty()) number_offset_ = offset(part);
    collect(part);
    double number = 0;
    const auto result = std::from_chars(part_.data(), part_.data() + part_.size(), number);
    const bool representable = result.ec == std::errc{} && std::isfinite(number);
    if (!representable && std::abs(approximate) >= 1) out_of_range_.push_back({number_offset_, part_});
    return place_number(Json(representable ? number : 0.0));
  }
  bool on_bool(bool value, bj::error_code&) { return place(Json(value)); }
  bool on_null(bj::error_code&) { return place(Json(nullptr)); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

  Json take() { return std::move(root_); }
  [[nodiscard]] const std::vector<Duplicate>& duplicates() const { return duplicates_; }
  [[nodiscard]] const std::vector<NumberOutOfRange>& out_of_range() const { return out_of_range_; }

 private:
  struct Frame {
    bool object = false;
    Json::Object members;
    Json::Array elements;
    std::vector<std::size_t> ordinals;  // of the members' keys
  };

  bool open(bool object) {
    frames_.emplace_back().object = object;
    return true;
  }
  bool close(Json value) {
    frames_.pop_back();
    return place(std::move(value));
  }
  bool place(Json value) {
    if (frames_.empty()) {
      root_ = std::move(value);
    } else if (frames_.back().object) {
      frames_.back().members.back().second = std::move(value);
    } else {
      frames_.back().elements.push_back(std::move(value));
    }
    return true;
  }
  bool place_number(Json value) {
    part_.clear();
    return place(std::move(value));
  }
  bool collect(bj::string_view part) {
    part_.append(part.data(), part.size());
    return true;
  }
  [[nodiscard]] std::size_t offset(bj::string_view part) const {
    return static_cast<std::size_t>(part.data() - start_);
  }

  // Sorted indices instead of pairwise comparison: an object of a million keys must not hang.
  void note_duplicates(const Frame& frame) {
    if (frame.members.size() < 2) return;
    std::vector<std::size_t> order(frame.members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto key = [&](std::size_t i) -> const std::string& { return frame.members[i].first; };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int compared = key(a).compare(key(b));
      return compared != 0 ? compared < 0 : a < b;
    });
    std::size_t first = 0;  // of the current group of equal keys
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (key(order[i]) != key(order[first])) {
        first = i;
      } else {
        duplicates_.push_back({frame.ordinals[order[i]], frame.ordinals[order[first]], key(order[i])});
      }
    }
  }

  const char* start_;
  std::vector<Frame> frames_;
  std::string part_;  // of the key, string or number being read
  std::size_t number_offset_ = 0;
  std::size_t keys_ = 0;
  Json root_;
  std::vector<Duplicate> duplicates_;
  std::vector<NumberOutOfRange> out_of_range_;
};

struct Place {
  SourceLocation where;
  std::string line;
};

Place place_of(std::string_view text, std::size_t offset, const std::string& origin) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const std::size_t last_break = before.rfind('\n');
  const std::size_t start = last_break == std::string_view::npos ? 0 : last_break + 1;
  const std::size_t end = std::min(text.find('\n', start), text.size());
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return {{origin, static_cast<int>(line), static_cast<int>(offset - start) + 1},
          std::string(text.substr(start, end - start))};
}

// Where the first keys start, up to number `last_ordinal`. `text` is valid JSON
// up to there, so a string followed by a colon is a key.
std::vector<std::size_t> key_offsets(std::string_view text, std::size_t last_ordinal) {
  std::vector<std::size_t> offsets;
  std::size_t at = 0;
  while (offsets.size() <= last_ordinal && (at = text.find('"', at)) != std::string_view::npos) {
    const std::size_t start = at++;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    at = std::min(text.find_first_not_of(" \t\r\n", at + 1), text.size());
    if (at < text.size() && text[at] == ':') offsets.push_back(start);
  }
  return offsets;
}

std::string shown(std::string_view text, std::size_t offset) {
  const auto byte = static_cast<unsigned char>(text[offset]);
  if (byte < 0x20 || byte > 0x7e) return fmt::format("byte 0x{:02x}", byte);
  return fmt::format("`{}`", text[offset]);
}

// The mistakes people make in hand-written JSON.
std::string syntax_hint(std::string_view text, std::size_t offset) {
  const std::string_view rest = text.substr(offset);
  const std::size_t previous = text.find_last_not_of(" \t\r\n", offset == 0 ? 0 : offset - 1);
  const char before = offset > 0 && previous != std::string_view::npos ? text[previous] : '\0';
  if (before == ',' && (rest.starts_with('}') || rest.starts_with(']'))) return "remove the comma before it";
  if (rest.starts_with('\'')) return "strings take double quotes";
  if (rest.starts_with('/') || rest.starts_with('#')) return "JSON has no comments";
  if (rest.starts_with("NaN") || rest.starts_with("Inf") ||
      text.substr(offset == 0 ? 0 : offset - 1).starts_with("-I")) {
    return "JSON has no NaN or infinity; write null or leave the key out";
  }
  if (rest.starts_with("True") || rest.starts_with("False") || rest.starts_with("None")) {
    return "write true, false or null, in lower case";
  }
  if (rest.starts_with('"')) return "is a comma or a colon missing before it?";
  if (static_cast<unsigned char>(rest.front()) < 0x20)
    return "line breaks and tabs inside a string are written \\n and \\t";
  return {};
}

void report_syntax(Diagnostics& problems, std::string_view text, std::size_t offset, bj::error_code failure,
                   const std::string& origin) {
  Place place = place_of(text, offset, origin);
  std::string message, hint;
  if (failure == bj::error::too_deep) {
    message = fmt::format("more than {} levels of arrays and objects", kMaxDepth);
  } else if (failure == bj::error::exponent_overflow) {
    message = "a number beyond the range of doubles";
  } else if (failure == bj::error::incomplete || offset >= text.size()) {
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    message = blank ? "the text is empty; a JSON value is expected" : "the text ends inside a value";
    if (!blank) hint = "a closing quote, bracket or brace is missing, or the file was cut short";
  } else if (failure == bj::error::extra_data) {
    message = fmt::format("unexpected {} after the end of the value", shown(text, offset));
    hint = "one JSON value is expected; JSON lines are read by formats that say so";
  } else if (failure == bj::error::syntax) {
    message = fmt::format("unexpected {}", shown(text, offset));
    hint = syntax_hint(text, offset);
  } else {
    message = fmt::format("bad JSON string: {}", failure.message());
  }
  problems.error(place.where, std::move(message), std::move(hint), std::move(place.line));
}

void report_duplicates(Diagnostics& problems, std::string_view text, std::vector<Duplicate> duplicates,
                       const std::string& origin) {
  if (duplicates.empty()) return;
  std::sort(duplicates.begin(), duplicates.end(), [](const auto& a, const auto& b) { return a.ordinal < b.ordinal; });
  const std::size_t reported = std::min(duplicates.size(), kMaxReported);
  const auto offsets = key_offsets(text, duplicates[reported - 1].ordinal);
  for (std::size_t i = 0; i < reported; ++i) {
    Place place = place_of(text, offsets.at(duplicates[i].ordinal), origin);
    const Place first = place_of(text, offsets.at(duplicates[i].first_ordinal), origin);
    std::string message =
        fmt::format("duplicate key `{}`; first at {}:{}", duplicates[i].key, first.where.line, first.where.column);
    problems.error(place.where, std::move(message), {}, std::move(place.line));
  }
  if (duplicates.size() > reported) {
    problems.error({origin, 0, 0}, fmt::format("{} more duplicate keys", duplicates.size() - reported));
  }
}

void report_numbers(Diagnostics& problems, std::string_view text, const std::vector<NumberOutOfRange>& numbers,
                    const std::string& origin) {
  for (std::size_t i = 0; i < std::min(numbers.size(), kMaxReported); ++i) {
    Place place = place_of(text, numbers[i].offset, origin);
    problems.error(place.where, fmt::format("`{:.40}` is beyond the range of doubles", numbers[i].text), {},
                   std::move(place.line));
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& origin) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::basic_parser<Builder> parser(options, text.data());
  bj::error_code failure;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), failure);
  if (!failure && used < text.size()) failure = bj::error::extra_data;

  Diagnostics problems;
  Builder& built = parser.handler();
  report_duplicates(problems, text, built.duplicates(), origin);
  report_numbers(problems, text, built.out_of_range(), origin);
  if (failure) report_syntax(problems, text, used, failure, origin);
  if (!problems.empty()) return problems;
  return built.take();
}

}  // namespace foretoken
