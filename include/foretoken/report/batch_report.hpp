// The answer of a batch study, for people and for programs (schema foretoken.batch/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/text_report.hpp"
#include "foretoken/study/batch.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const BatchStudy& study, const TextStyle& style = {});
[[nodiscard]] Json to_json(const BatchStudy& study);

}  // namespace foretoken
