// A recommendation as scenarios to run.
#pragma once

#include <string>
#include <vector>

#include "foretoken/study/recommend.hpp"

namespace foretoken {

// One of the ranked candidates or of a front's, as a scenario file.
struct EmittedScenario {
  std::string file;  // rank-1.yaml, throughput-front-2.yaml, cost-front-1.yaml
  std::string text;
};
[[nodiscard]] Result<std::vector<EmittedScenario>> emitted_scenarios(const RecommendQuestion& question,
                                                                     const RecommendResult& result);
// Into a folder, which is made when absent. What stands there already is kept: an existing file is an error, and then
// nothing is written.
[[nodiscard]] Diagnostics write_scenarios(const std::vector<EmittedScenario>& scenarios, const std::string& folder);
// Whether it could be written into, before a long search and not after it.
[[nodiscard]] Diagnostics check_emit_folder(const std::string& folder);

}  // namespace foretoken
