// Results on disk: what they were made from, how two of them differ, and the way back to the scenario.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "scenario/inputs.hpp"

namespace foretoken {

// With it a document says all that is needed to make it again.
struct Provenance {
  Question question;
  std::vector<InputHash> inputs;
};

struct StoredResult {
  std::string path;
  std::string text;  // of the file, byte by byte
  Json document;     // of schema foretoken.result/1
};
// Errors: unreadable, not JSON (half a file, say), or something else than a result.
[[nodiscard]] Result<StoredResult> read_result(const std::string& path);
// Empty when the document has none.
[[nodiscard]] std::optional<Provenance> provenance_of(const Json& document);

// One value that is not the same in both; text as in the documents, empty = absent.
struct ResultChange {
  std::string path;  // engine.max_num_seqs
  std::string before;
  std::string after;
  std::optional<double> relative;  // of figures: after / before - 1
};
struct ResultDifference {
  std::vector<ResultChange> identity;       // version, seed, hash of the scenario
  std::vector<ResultChange> configuration;  // resolved fields
  std::vector<ResultChange> inputs;         // catalog entries, coefficient sets, files
  std::vector<ResultChange> figures;        // of the summary
  std::int64_t others = 0;                  // steady state, classes, origins ...
  [[nodiscard]] bool none() const {
    return identity.empty() && configuration.empty() && inputs.empty() && figures.empty() && others == 0;
  }
};
[[nodiscard]] ResultDifference difference(const Json& before, const Json& after);
// Another version of the program, or a catalog whose changes do not matter here, came to the same answer.
[[nodiscard]] bool same_figures(const ResultDifference& difference);

}  // namespace foretoken
