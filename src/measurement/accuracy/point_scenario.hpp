// The scenario that a measured run describes.
#pragma once

#include "foretoken/scenario/scenario.hpp"
#include "measurement/accuracy/frameworks.hpp"
#include "measurement/accuracy/point.hpp"
#include "measurement/tables/names.hpp"

namespace foretoken {

// Empty when the row can be simulated; otherwise what keeps it from being.
[[nodiscard]] std::string why_not(const Point& point, const Framework* framework);

// Precondition: why_not() is empty. Errors: what the scenario's checks say of it.
[[nodiscard]] Result<Scenario> scenario_of(const Point& point, const Framework& framework, const NameTable& names,
                                           const AccuracyOptions& options);

}  // namespace foretoken
