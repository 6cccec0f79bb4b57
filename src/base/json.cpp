// The JSON value and its writer; the reader is in json_parse.cpp.
#include "foretoken/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace foretoken {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Length of the well-formed UTF-8 sequence at `at` (Unicode table 3-7: no
// overlong forms, no surrogates, nothing above U+10FFFF), 0 if there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned least = lead == 0xE0 ? 0xA0 : 0x80, most = lead == 0xED ? 0x9F : 0xBF;
    return byte(1) >= least && byte(1) <= most && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned least = lead == 0xF0 ? 0x90 : 0x80, most = lead == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= least && byte(1) <= most && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(std::max(indent, 0)) {}

  void write(const Json& value) {
    if (value.is_null()) {
      text_ += "null";
    } else if (const bool* b = value.if_bool()) {
      text_ += *b ? "true" : "false";
    } else if (const std::int64_t* i = value.if_int()) {
      fmt::format_to(std::back_inserter(text_), "{}", *i);
    } else if (const std::string* s = value.if_string()) {
      write_string(*s);
    } else if (const Json::Array* array = value.if_array()) {
      write_members(*array, '[', ']', [&](const Json& element) { write(element); });
    } else if (const Json::Object* object = value.if_object()) {
      write_members(*object, '{', '}', [&](const auto& member) {
        write_string(member.first);
        text_ += indent_ > 0 ? ": " : ":";
        write(member.second);
      });
    } else {
      double number = 0;
      invariant(value.number(number), "a JSON value of no kind");
      write_double(number);
    }
  }
  std::string take() { return std::move(text_); }

 private:
  template <class Members, class WriteMember>
  void write_members(const Members& members, char open, char close, WriteMember&& write_member) {
    text_ += open;
    ++level_;
    bool first = true;
    for (const auto& member : members) {
      if (!first) text_ += ',';
      first = false;
      new_line();
      write_member(member);
    }
    --level_;
    if (!first) new_line();
    text_ += close;
  }

  void new_line() {
    if (indent_ == 0) return;
    text_ += '\n';
    text_.append(static_cast<std::size_t>(indent_) * level_, ' ');
  }

  void write_double(double number) {
    if (!std::isfinite(number)) {
      text_ += "null";
      return;
    }
    std::array<char, 400> buffer{};
    const auto [end, failure] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    invariant(failure == std::errc{}, "a double longer than 400 characters");
    const std::string_view digits(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    text_ += digits;
    if (digits.find_first_of(".e") == std::string_view::npos) text_ += ".0";
  }

  void write_string(std::string_view text) {
    text_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = sequence_length(text, at);
      if (length == 1) {
        write_ascii(text[at]);
      } else {
        text_ += length == 0 ? kReplacement : text.substr(at, length);
      }
      at += std::max<std::size_t>(length, 1);
    }
    text_ += '"';
  }

  void write_ascii(char c) {
    switch (c) {
      case '"':
        text_ += "\\\"";
        break;
      case '\\':
        text_ += "\\\\";
        break;
      case '\n':
        text_ += "\\n";
        break;
      case '\r':
        text_ += "\\r";
        break;
      case '\t':
        text_ += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          text_ += c;
        }
    }
  }

  int indent_;
  std::size_t level_ = 0;
  std::string text_;
};

}  // namespace

Json::Json(std::uint64_t i) {
  if (i <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    value_ = static_cast<std::int64_t>(i);
  } else {
    value_ = static_cast<double>(i);
  }
}

bool Json::number(double& out) const {
  if (const std::int64_t* i = if_int()) {
    out = static_cast<double>(*i);
    return true;
  }
  if (const double* d = std::get_if<double>(&value_)) {
    out = *d;
    return true;
  }
  return false;
}

const Json& Json::operator[](std::string_view key) const {
  static const Json kNull;
  const Object* object = if_object();
  if (object == nullptr) return kNull;
  const auto member = std::find_if(object->begin(), object->end(), [&](const auto& m) { return m.first == key; });
  return member == object->end() ? kNull : member->second;
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) value_ = Object{};
  Object* object = std::get_if<Object>(&value_);
  invariant(object != nullptr, [&] { return fmt::format("member `{}` of a JSON value that is no object", key); });
  const auto member = std::find_if(object->begin(), object->end(), [&](const auto& m) { return m.first == key; });
  return member == object->end() ? object->emplace_back(std::string(key), Json{}).second : member->second;
}

void Json::push_back(Json element) {
  if (is_null()) value_ = Array{};
  Array* array = std::get_if<Array>(&value_);
  invariant(array != nullptr, "push_back to a JSON value that is no array");
  array->push_back(std::move(element));
}

Json texts(const std::vector<std::string>& lines) {
  Json list = Json::array();
  for (const std::string& line : lines) list.push_back(line);
  return list;
}

std::string to_text(const Json& value, int indent) {
  Writer writer(indent);
  writer.write(value);
  return writer.take();
}

}  // namespace foretoken
