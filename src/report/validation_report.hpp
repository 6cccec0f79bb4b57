// Predictions beside measurements, for people and as a document.
#pragma once

#include <optional>
#include <string>

#include "foretoken/base/json.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/validation/validate.hpp"

namespace foretoken {

// `within`: the largest error that is good enough, as a share; the verdict says whether it is kept.
[[nodiscard]] std::string to_text(const ValidationResult& result, std::optional<double> within, const TextStyle& style);
[[nodiscard]] Json to_json(const ValidationResult& result, std::optional<double> within);

}  // namespace foretoken
