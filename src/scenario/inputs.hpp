// What decides a result beside the scenario's own text: catalog entries, coefficient sets, and the files it names.
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/question.hpp"

namespace foretoken {

struct InputHash {
  std::string name;  // gpu h100_sxm, model Llama-3.1-8B, calibration, file traces/chat.csv
  std::string sha256;
  bool operator==(const InputHash&) const = default;
};

// Of the scenario that the question resolves to. Built-in entries count like those of --catalog: a later
// version of the program may have changed them.
[[nodiscard]] std::vector<InputHash> input_hashes(const Question& question, const Scenario& scenario);

// The hash of everything that the points of its sweep are made from: what the text and the options
// say (not how it is laid out), the files that they name, and the catalog folder.
[[nodiscard]] Result<std::string> question_sha256(const Question& question);

}  // namespace foretoken
