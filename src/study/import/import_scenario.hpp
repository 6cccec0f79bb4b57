// A deployment that exists, as a scenario: start lines of engines, Helm values, manifests, a folder with a config.json.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/result.hpp"

namespace foretoken {

// A command line, a script or a YAML file, as text; or a folder.
struct ImportSource {
  std::string text;    // of a folder: empty
  std::string origin;  // names it in diagnostics; of a folder: its path
  bool folder = false;
};

struct ImportOptions {
  std::string gpu = {};    // of the catalog; empty = left for the user to fill in
  std::string model = {};  // in place of the one that the sources name: a catalog name, or the path of a config.json
  std::string entry = {};  // of several models in one file, the one of this name
  std::string catalog_dir = {};  // as LoadOptions
};

struct ImportedScenario {
  std::string text;                        // YAML, with comments
  std::vector<std::string> not_simulated;  // flags and settings without counterpart, as given
  std::vector<std::string> notes;          // what was assumed
  bool needs_gpu = false;                  // nobody named a GPU: the text has a comment in its place
};

// Flags that mean nothing for latency are comments only. Errors, all at once and where they stand: quotes that do not
// close, flags without value, values that a scenario refuses, no start line at all, a model that the catalog does not
// have. `warnings`: flags given twice, of which the last counts, as in the engines.
[[nodiscard]] Result<ImportedScenario> import_scenario(const std::vector<ImportSource>& sources,
                                                       const ImportOptions& options, Diagnostics* warnings = nullptr);

}  // namespace foretoken
