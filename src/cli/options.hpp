// Options that several commands share.
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace CLI {
class App;
}

namespace foretoken {

struct ScenarioOptions {
  std::string path;  // "-" = standard input
  std::vector<std::string> set;
  std::string catalog_dir;
  std::vector<std::string> over;  // axes
  std::vector<std::string> recommend_over = {};
  std::string seed;              // empty = the scenario's
  std::string load_factor = {};  // empty = the scenario's
  bool spares_down = false;      // judged as with `spare` replicas down
  [[nodiscard]] LoadOptions load_options() const;
};
struct OutputOptions {
  std::string format = "table";
  std::string output;  // empty = standard output
  std::string color = "auto";
  bool quiet = false;
  bool no_progress = false;
  std::string report;              // a page; empty = none
  std::vector<std::string> plots;  // FILE or NAME=FILE
  std::string plot_theme = "auto";
};

void add_scenario_options(CLI::App& command, ScenarioOptions& options);
// Those of add_scenario_options() that do not name a file.
void add_change_options(CLI::App& command, ScenarioOptions& options);
// --load-factor, for questions about more of the same traffic.
void add_load_factor_option(CLI::App& command, ScenarioOptions& options);
void add_output_options(CLI::App& command, OutputOptions& options, std::vector<std::string> formats);

}  // namespace foretoken
