// How two stored results differ, as tables and as a document.
#pragma once

#include <string>

#include "foretoken/report/report.hpp"
#include "persistence/stored_result.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const ResultDifference& difference, const TextStyle& style = {});
// Schema foretoken.diff/1.
[[nodiscard]] Json to_json(const ResultDifference& difference);

}  // namespace foretoken
