// Calibration files, as `foretoken calibrate` writes them: fitted cost terms that stand in for the
// defaults of the keys they are named after.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "foretoken/base/result.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "scenario/resolver.hpp"

namespace foretoken {

// Puts the terms of the file that `cost.calibration` names into the tree, where the scenario says nothing
// itself; each keeps its place in that file. Errors: unreadable and foreign files, unknown keys and terms.
[[nodiscard]] Diagnostics apply_calibration_file(YamlNode& scenario, const std::string& origin);

// Warns when the deployment is not the one that the terms were fitted on.
void check_calibration_file(Resolver& values, const Scenario& scenario);

}  // namespace foretoken
