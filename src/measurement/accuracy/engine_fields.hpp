// The engine of a recorded run, as a scenario would spell it.
#pragma once

#include <string>
#include <vector>

#include "measurement/accuracy/recording.hpp"

namespace foretoken {

struct EngineField {
  std::string name;   // under `engine`
  std::string value;  // as YAML
};
// Arguments that the simulation ignores are named in `not_modelled`.
[[nodiscard]] std::vector<EngineField> engine_fields(const Recording& recording,
                                                     std::vector<std::string>& not_modelled);

}  // namespace foretoken
