// What can be promised, for people and for programs (schema foretoken.promise/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "study/capacity/promise.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const PromiseResult& result, const TextStyle& style = {});
[[nodiscard]] Json to_json(const PromiseResult& result);

}  // namespace foretoken
