// A sensitivity study, and what the model's own error does to an answer, for people and for programs
// (schema foretoken.sensitivity/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/text_report.hpp"
#include "foretoken/study/model_uncertainty.hpp"
#include "foretoken/study/sensitivity.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const SensitivityStudy& study, const TextStyle& style = {});
[[nodiscard]] Json to_json(const SensitivityStudy& study);

// The lines of a section; `scenario` holds the objectives.
[[nodiscard]] std::string uncertainty_lines(const ModelUncertainty& uncertainty, const Scenario& scenario);
[[nodiscard]] Json to_json(const ModelUncertainty& uncertainty);

}  // namespace foretoken
