// The catalogue of bad inputs as data: what is given, and what must be said about it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace foretoken::testing {

// One diagnosis that must appear.
struct ExpectedProblem {
  bool warning = false;
  bool on_override = false;        // located at the --set
  int line = 0, column = 0;        // 0 = not located in the scenario file
  std::string token;               // what begins at that column
  std::string file;                // other than the scenario: trace.csv
  std::vector<std::string> words;  // all in message or hint
};

struct BadInputCase {
  std::string title;
  std::string text;  // of scenario.yaml
  bool has_text = false;
  std::vector<std::string> overrides;
  std::vector<std::pair<std::string, std::string>> other_files;  // name and content
  bool and_more = false;                                         // problems beyond those listed are fine
  int exit_code = 2;                                             // 2 bad input, 3 does not fit, 0 warnings only
  std::vector<ExpectedProblem> problems;
};

// The format stands at the top of the catalogue. Throws std::runtime_error with the line on a slip.
[[nodiscard]] std::vector<BadInputCase> read_bad_input_cases(const std::filesystem::path& path);

// Writes the case's files into `folder` (made anew); the path of scenario.yaml.
[[nodiscard]] std::filesystem::path write_files(const BadInputCase& bad, const std::filesystem::path& folder);

}  // namespace foretoken::testing
