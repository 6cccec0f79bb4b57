// Every key a scenario may have, once: its type, unit, limits, default and meaning. Parsing,
// validation, `--set`, the JSON Schema and scenarios/README.md all read this table.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

enum class FieldKind {
  text,
  flag,
  integer,
  number,
  quantity,  // a number with a unit of `dimension`, in SI afterwards
  choice,    // one of `choices`
  lengths,   // a number of tokens, or a map {distribution: ...}
  list_of_text,
  list_of_numbers,
  map,           // keys stand in the table under this path
  list_of_maps,  // keys stand in the table under this path + "[]"
  price,         // USD per GPU and hour: a number, or a map by purchase or by GPU
  model,         // a name, a path, or an inline shape
  gpu,           // a name, or inline figures
  anything,      // read by hand (sweep)
};

inline constexpr double kUnlimited = std::numeric_limits<double>::infinity();

struct Field {
  std::string_view path;
  FieldKind kind = FieldKind::text;
  // As YAML would spell it; a rule of the engine or the model stands in words, in
  // parentheses; empty = none.
  std::string_view default_text;
  std::string_view meaning;
  double least = 0;
  double most = kUnlimited;
  Dimension dimension = Dimension::time;
  std::vector<std::string_view> (*choices)() = nullptr;
  std::string_view aliases = {};  // other spellings of the last part, comma-separated
  bool nullable = false;          // null means the default
  bool infinite = false;          // inf is allowed beside [least, most]

  [[nodiscard]] bool has_plain_default() const { return !default_text.empty() && default_text.front() != '('; }
  // Holds a value of its own, not other keys.
  [[nodiscard]] bool is_leaf() const {
    return kind != FieldKind::map && kind != FieldKind::list_of_maps && kind != FieldKind::anything;
  }
};

[[nodiscard]] std::span<const Field> scenario_fields();
// The maps of the top level whose keys a pool may say for itself.
inline constexpr std::string_view kPoolMaps[] = {"hardware", "engine", "memory", "cost", "fleet"};

// "a[3].b" → "a[].b", the spelling of the table; "pools.NAME.b" → "pools[].b".
[[nodiscard]] std::string table_path(std::string_view path);
// The row of a path of the table, or of an alias of it; null when there is none. What stands in a map of a pool has
// the row of the top level.
[[nodiscard]] const Field* find_field(std::string_view path);
// Keys allowed directly under `prefix` ("" = top level), aliases left out.
[[nodiscard]] std::vector<std::string> keys_under(std::string_view prefix);

// Keys of real engines that have no counterpart here, and what to do instead.
struct UnmodelledKey {
  std::string_view key;  // the last part
  std::string_view advice;
};
[[nodiscard]] std::span<const UnmodelledKey> unmodelled_keys();
[[nodiscard]] const UnmodelledKey* find_unmodelled(std::string_view key);

}  // namespace foretoken
