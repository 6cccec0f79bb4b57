// JSON values that keep the order of their keys, read with line and column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "foretoken/base/result.hpp"

namespace foretoken {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  // in insertion order

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool b) : value_(b) {}
  Json(int i) : value_(std::int64_t{i}) {}
  Json(std::int64_t i) : value_(i) {}
  Json(std::uint64_t i);
  Json(double d) : value_(d) {}  // NaN and infinity are written as null
  Json(const char* s) : value_(std::string(s)) {}
  Json(std::string s) : value_(std::move(s)) {}
  Json(std::string_view s) : value_(std::string(s)) {}
  Json(Array a) : value_(std::move(a)) {}
  Json(Object o) : value_(std::move(o)) {}

  [[nodiscard]] static Json object() { return Json(Object{}); }
  [[nodiscard]] static Json array() { return Json(Array{}); }

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] const bool* if_bool() const { return std::get_if<bool>(&value_); }
  [[nodiscard]] const std::int64_t* if_int() const { return std::get_if<std::int64_t>(&value_); }
  [[nodiscard]] const std::string* if_string() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* if_array() const { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* if_object() const { return std::get_if<Object>(&value_); }
  // Integer or floating number as double; nothing for other kinds.
  [[nodiscard]] bool number(double& out) const;

  // Member by key, null when absent or not an object.
  [[nodiscard]] const Json& operator[](std::string_view key) const;
  // Member for writing; turns null into an object, appends the key when new.
  Json& operator[](std::string_view key);
  void push_back(Json element);  // turns null into an array

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

// An array of strings.
[[nodiscard]] Json texts(const std::vector<std::string>& lines);

// indent 0 = one line. Doubles are written in shortest round-trip form and keep
// a point or an exponent ("3.0"), so that they are read back as doubles.
// Text that is not UTF-8 is written with U+FFFD in the place of the bad bytes.
[[nodiscard]] std::string to_text(const Json& value, int indent = 2);
// Strict RFC 8259; a UTF-8 mark is skipped. `origin` names the file in
// diagnostics. Duplicate keys, numbers beyond double and more than 64 levels
// are errors. Integers beyond 64 bits are read as doubles.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const std::string& origin);

}  // namespace foretoken
