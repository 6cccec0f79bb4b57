// The values of one control: what a slider stops at, and what a page may say.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "scenario/field_table.hpp"

namespace foretoken {

// Rising, with `value` among them: whole numbers by doubling and halves between, others by decades.
[[nodiscard]] Json slider_steps(const Field& field, double value);

// Lengths that can be moved by one number, their median or mean: {distribution: lognormal ...}, a number of tokens.
[[nodiscard]] bool has_middle(const Json& lengths);
[[nodiscard]] double middle_of(const Json& lengths);
[[nodiscard]] Json with_middle(const Json& lengths, double tokens);

// As YAML on one line, and nothing else than one value of the field's kind; empty where it is none. `names`: of the
// catalog, where the field takes one.
[[nodiscard]] std::string value_text(const Field& field, const Json& value, const std::vector<std::string>& names);
// A key that the page may offer: one value, which is no text and no file.
[[nodiscard]] bool can_be_moved(const Field& field);
// "a whole number of 1 or more", for an error.
[[nodiscard]] std::string allowed_text(const Field& field);

}  // namespace foretoken
