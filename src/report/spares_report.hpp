// How many spares, for people and for programs (schema foretoken.spares/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/report.hpp"
#include "study/spares/spares.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const Spares& spares, const TextStyle& style = {});
[[nodiscard]] Json to_json(const Spares& spares);
// Of one number of spares, for the schema.
[[nodiscard]] Json spares_step_shape();

}  // namespace foretoken
