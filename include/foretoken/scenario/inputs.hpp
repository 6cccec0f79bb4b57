// What decides a result beside the scenario's own text: catalog entries, coefficient sets, and the files it names.
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

struct InputHash {
  std::string name;  // gpu h100_sxm, model Llama-3.1-8B, calibration, file traces/chat.csv
  std::string sha256;
  bool operator==(const InputHash&) const = default;
};

// Of the scenario that `text` and `load` resolve to. Built-in entries count like those of --catalog: a later
// version of the program may have changed them.
[[nodiscard]] std::vector<InputHash> input_hashes(const std::string& text, const std::string& origin,
                                                  const LoadOptions& load, const Scenario& scenario);

}  // namespace foretoken
