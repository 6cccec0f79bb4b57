// Two alternatives side by side, for people and for programs (schema foretoken.compare/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/text_report.hpp"
#include "foretoken/study/compare.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const CompareResult& result, const TextStyle& style = {});
[[nodiscard]] Json to_json(const CompareResult& result);

}  // namespace foretoken
