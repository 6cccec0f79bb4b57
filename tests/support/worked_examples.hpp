// The rows of src/cost/README.md, "Worked examples": what the tests of the cost model expect stands there and nowhere
// else.
#pragma once

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "test_paths.hpp"

namespace foretoken::test {

// The cells of row `id`, which are `| id | what | ... | result |`.
inline std::vector<std::string> worked_example(const std::string& id) {
  std::ifstream page(FORETOKEN_SOURCE_DIR "/src/cost/README.md");
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| " + id + " |")) continue;
    std::vector<std::string> cells;
    for (std::size_t at = 1; at < line.size();) {
      const std::size_t end = line.find('|', at);
      if (end == std::string::npos) break;
      cells.push_back(end - at > 2 ? line.substr(at + 1, end - at - 2) : std::string());
      at = end + 1;
    }
    return cells;
  }
  throw std::runtime_error("src/cost/README.md has no row " + id);
}

// The number that a cell begins with, without its unit.
inline double number_in(const std::string& cell) {
  char* end = nullptr;
  const double number = std::strtod(cell.c_str(), &end);
  if (end == cell.c_str()) throw std::runtime_error("no number: " + cell);
  return number;
}

// The result of an example: its last cell.
inline double worked_result(const std::string& id) {
  return number_in(worked_example(id).back());
}

}  // namespace foretoken::test
