// Typed reading of config.json fields under any of their spellings.
#include "model/hf_fields.hpp"

#include <fmt/format.h>

#include <cmath>

namespace foretoken {
namespace {

// Integers may have been written as 4096.0 by a tool; anything else is no count.
std::optional<std::int64_t> as_integer(const Json& value) {
  if (const std::int64_t* integer = value.if_int()) return *integer;
  double number = 0;
  if (value.number(number) && std::isfinite(number) && std::abs(number) < 1e15 && number == std::floor(number)) {
    return static_cast<std::int64_t>(number);
  }
  return std::nullopt;
}

}  // namespace

// Several spellings in one file are fine while they agree (gpt-oss has
// num_experts_per_tok and experts_per_token); a contradiction is the user's to solve.
std::string_view HfFields::present(HfKeys keys) {
  std::string_view found;
  for (std::string_view key : keys) {
    const Json& value = object_[key];
    if (value.is_null()) continue;
    if (found.empty()) {
      found = key;
    } else if (!(value == object_[found])) {
      error(key,
            fmt::format("contradicts {}{}: {} against {}", path_, found, to_text(value, 0), to_text(object_[found], 0)),
            "keep one of the two");
    }
  }
  return found;
}

const Json& HfFields::raw(HfKeys keys) {
  const std::string_view key = present(keys);
  return object_[key.empty() ? *keys.begin() : key];
}

std::optional<int> HfFields::count(HfKeys keys, int limit, bool zero_allowed) {
  const std::string_view key = present(keys);
  if (key.empty()) return std::nullopt;
  const std::optional<std::int64_t> value = as_integer(object_[key]);
  const int least = zero_allowed ? 0 : 1;
  if (!value) {
    error(key, fmt::format("must be a whole number, is {}", to_text(object_[key], 0)));
  } else if (*value < least || *value > limit) {
    error(key, fmt::format("must be in {}..{}, is {}", least, limit, *value));
  } else {
    return static_cast<int>(*value);
  }
  return std::nullopt;
}

int HfFields::required_count(HfKeys keys, int limit, std::string_view meaning) {
  if (present(keys).empty()) {
    std::string others;
    for (auto key = keys.begin() + 1; key != keys.end(); ++key) {
      others += fmt::format("{}{}", others.empty() ? "also read: " : ", ", *key);
    }
    error(*keys.begin(), fmt::format("is missing ({})", meaning), others);
    return 0;
  }
  return count(keys, limit).value_or(0);
}

std::optional<bool> HfFields::flag(HfKeys keys) {
  const std::string_view key = present(keys);
  if (key.empty()) return std::nullopt;
  if (const bool* value = object_[key].if_bool()) return *value;
  error(key, fmt::format("must be true or false, is {}", to_text(object_[key], 0)));
  return std::nullopt;
}

std::optional<std::string> HfFields::text(HfKeys keys) {
  const std::string_view key = present(keys);
  if (key.empty()) return std::nullopt;
  if (const std::string* value = object_[key].if_string()) return *value;
  error(key, fmt::format("must be a string, is {}", to_text(object_[key], 0)));
  return std::nullopt;
}

void HfFields::error(std::string_view key, const std::string& message, const std::string& hint) {
  diagnostics_.error({.file = origin_, .line = 0, .column = 0}, fmt::format("`{}{}` {}", path_, key, message), hint);
}

}  // namespace foretoken
