// Where the time of slow requests went, for people and for programs (schema foretoken.request_explanation/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "study/requests/slow_requests.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const RequestExplanation& explanation, const TextStyle& style = {});
[[nodiscard]] Json to_json(const RequestExplanation& explanation);

}  // namespace foretoken
