// A sensitivity study for people and for programs (schema foretoken.sensitivity/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "study/sensitivity/sensitivity.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const SensitivityStudy& study, const TextStyle& style = {});
[[nodiscard]] Json to_json(const SensitivityStudy& study);

}  // namespace foretoken
