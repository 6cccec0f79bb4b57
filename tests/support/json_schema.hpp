// The part of JSON Schema that the scenario schema uses; enough to hold documents against it.
#pragma once

#include <cmath>
#include <regex>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"

namespace foretoken::testing {

inline bool json_is_a(const Json& value, const std::string& type) {
  double number = 0;
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.if_bool() != nullptr;
  if (type == "string") return value.if_string() != nullptr;
  if (type == "array") return value.if_array() != nullptr;
  if (type == "object") return value.if_object() != nullptr;
  if (!value.number(number)) return false;
  return type == "number" || (type == "integer" && number == std::floor(number));
}

inline bool json_equals(const Json& a, const Json& b) {
  double x = 0, y = 0;
  return a.number(x) && b.number(y) ? x == y : a == b;
}

// Violations as "path: what"; none = the value is valid.
inline std::vector<std::string> schema_violations(const Json& schema, const Json& value, const std::string& path = "") {
  std::vector<std::string> found;
  const auto violates = [&](const std::string& what) { found.push_back(path + ": " + what); };
  const auto into = [&](const Json& part, const Json& at, const std::string& name) {
    for (std::string& inner : schema_violations(part, at, path + "/" + name)) found.push_back(std::move(inner));
  };
  if (const auto* one = schema["type"].if_string(); one != nullptr && !json_is_a(value, *one))
    violates("not a " + *one);
  if (const auto* types = schema["type"].if_array()) {
    bool any = false;
    for (const Json& type : *types) any |= json_is_a(value, *type.if_string());
    if (!any) violates("of no allowed type");
  }
  if (const auto* choices = schema["enum"].if_array()) {
    bool any = false;
    for (const Json& choice : *choices) any |= json_equals(choice, value);
    if (!any) violates("not one of the choices");
  }
  if (!schema["const"].is_null() && !json_equals(schema["const"], value)) violates("not the constant");
  double number = 0, limit = 0;
  if (value.number(number)) {
    if (schema["minimum"].number(limit) && number < limit) violates("below the minimum");
    if (schema["maximum"].number(limit) && number > limit) violates("above the maximum");
    if (schema["exclusiveMinimum"].number(limit) && number <= limit) violates("not above the minimum");
  }
  if (const auto* parts = schema["anyOf"].if_array()) {
    bool any = false;
    for (const Json& part : *parts) any |= schema_violations(part, value, path).empty();
    if (!any) violates("fits no alternative");
  }
  if (const auto* items = value.if_array()) {
    if (schema["minItems"].number(limit) && static_cast<double>(items->size()) < limit) violates("too few items");
    for (const Json& item : *items) into(schema["items"], item, "[]");
  }
  if (const auto* members = value.if_object()) {
    if (const auto* names = schema["required"].if_array()) {
      for (const Json& name : *names) {
        bool there = false;
        for (const auto& member : *members) there |= member.first == *name.if_string();
        if (!there) violates("lacks " + *name.if_string());
      }
    }
    for (const auto& [key, member] : *members) {
      bool known = !schema["properties"][key].is_null();
      if (known) into(schema["properties"][key], member, key);
      if (const auto* patterns = schema["patternProperties"].if_object()) {
        for (const auto& [pattern, part] : *patterns) {
          if (!std::regex_search(key, std::regex(pattern))) continue;
          known = true;
          into(part, member, key);
        }
      }
      const bool* others = schema["additionalProperties"].if_bool();
      if (!known && others != nullptr && !*others) violates("unknown key " + key);
    }
  }
  return found;
}

}  // namespace foretoken::testing
