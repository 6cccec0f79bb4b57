// Which model on which GPU, for people and for programs (schema foretoken.placement/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/report.hpp"
#include "report/shape/shape.hpp"
#include "study/placement/placement.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const Placement& placement, const TextStyle& style = {});
[[nodiscard]] Json to_json(const Placement& placement);
// The keys of the document behind its head, for the schema.
[[nodiscard]] shape::Keys placement_keys();

}  // namespace foretoken
