// How much load fits, for people and for programs (schema foretoken.capacity/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/report/text_report.hpp"
#include "foretoken/study/capacity.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const CapacityResult& result, const TextStyle& style = {});
[[nodiscard]] Json to_json(const CapacityResult& result);

}  // namespace foretoken
