// What a single request may take.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"
#include "foretoken/serving/observer.hpp"

namespace foretoken {

// The goodput limits of a request's class; without any, the objectives' limits on latencies.
class RequestLimits {
 public:
  explicit RequestLimits(const Scenario& scenario);  // must outlive this
  [[nodiscard]] bool any() const { return any_; }
  [[nodiscard]] std::string text() const;
  // Of a finished request.
  [[nodiscard]] bool misses(const RequestRecord& record) const;

 private:
  [[nodiscard]] const GoodputLimits& limits_of(const Request& request) const;
  const Scenario& scenario_;
  std::vector<GoodputLimits> of_objectives_;  // by class; one where there are none
  bool has_goodput_ = false;
  bool any_ = false;
};

// Decode time per token, ns; empty with one output token.
[[nodiscard]] std::optional<std::int64_t> tpot_of(const RequestRecord& record, TpotConvention convention);

}  // namespace foretoken
