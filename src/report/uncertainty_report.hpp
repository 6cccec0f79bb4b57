// What the model's own error does to an answer, as part of other documents.
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/report/report.hpp"

namespace foretoken {

// 83 %; > 97 % where the data end.
[[nodiscard]] std::string probability_text(const Probability& probability);
// The lines of a section.
[[nodiscard]] std::string uncertainty_lines(const ModelUncertainty& uncertainty, const TextStyle& style);
[[nodiscard]] Json to_json(const Probability& probability);
[[nodiscard]] Json to_json(const ModelUncertainty& uncertainty);
// Of a figure in it, for the schema.
[[nodiscard]] Json figure_band_shape();

}  // namespace foretoken
