// The monthly bill, for people and for programs (schema foretoken.bill/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "study/bill/bill.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const Bill& bill, const TextStyle& style = {});
[[nodiscard]] Json to_json(const Bill& bill);
// Of one way to size the fleet, for the schema.
[[nodiscard]] Json fleet_bill_shape();

}  // namespace foretoken
