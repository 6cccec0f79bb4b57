// Typed reading of a config.json whose keys have had several names over the
// years; collects every problem instead of stopping at the first.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

// Spellings of one field, current one first.
using HfKeys = std::initializer_list<std::string_view>;

class HfFields {
 public:
  // `path` of the object inside the file, "" or "text_config.".
  HfFields(const Json& object, std::string path, const std::string& origin, Diagnostics& diagnostics)
      : object_(object), path_(std::move(path)), origin_(origin), diagnostics_(diagnostics) {}

  // A count in 1..limit (0..limit with `zero_allowed`). Absent and null are alike.
  [[nodiscard]] std::optional<int> count(HfKeys keys, int limit, bool zero_allowed = false);
  // The same, an error when absent; returns 0 then.
  [[nodiscard]] int required_count(HfKeys keys, int limit, std::string_view meaning);
  [[nodiscard]] std::optional<bool> flag(HfKeys keys);
  [[nodiscard]] std::optional<std::string> text(HfKeys keys);
  // The first spelling present and not null; null when none is.
  [[nodiscard]] const Json& raw(HfKeys keys);
  [[nodiscard]] bool has(HfKeys keys) { return !raw(keys).is_null(); }

  // Fields of an object inside the same file.
  [[nodiscard]] HfFields nested(const Json& object, std::string path) {
    return HfFields(object, std::move(path), origin_, diagnostics_);
  }
  void error(std::string_view key, const std::string& message, const std::string& hint = {});

 private:
  std::string_view present(HfKeys keys);

  const Json& object_;
  std::string path_;
  const std::string& origin_;
  Diagnostics& diagnostics_;
};

}  // namespace foretoken
