// Which fields two resolved scenarios do not have in common.
#pragma once

#include <map>

#include "foretoken/study/compare.hpp"

namespace foretoken {

struct FieldValue {
  Json value;
  bool given = false;
};
// Sorted by path within the order of `before`; those that only `after` has come last.
[[nodiscard]] std::vector<ChangedField> changed_fields(const std::vector<std::pair<std::string, FieldValue>>& before,
                                                       const std::vector<std::pair<std::string, FieldValue>>& after);
[[nodiscard]] std::vector<std::pair<std::string, FieldValue>> fields_of(const Scenario& scenario);
// The leaves of a result's `config`; given are those with an entry in `origins` of a file or the command line.
[[nodiscard]] std::vector<std::pair<std::string, FieldValue>> fields_of_result(const Json& result);

}  // namespace foretoken
