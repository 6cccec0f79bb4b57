// Which engine of the simulator a framework's name in a file of points stands for.
#pragma once

#include <string>
#include <string_view>

namespace foretoken {

struct Framework {
  std::string_view prefix;    // of the name in the file, lower case
  std::string_view engine;    // empty: none is modelled
  std::string_view version;   // where the name gives none, or it is not to be read
  std::string_view group;     // in tables
  std::string_view overhead;  // engine whose host costs apply, where it is not `engine` itself
  std::string_view overhead_version;
  bool reads_version = false;  // major.minor stands in the name
  bool eager = false;          // before CUDA graphs
  bool static_scales = false;  // fp8 activations quantised with scales known beforehand: no kernel for it
};

// Of the engine, by the name in the file.
struct Release {
  std::string written;  // what the name says; empty: nothing that is to be read
  std::string rules;    // whose rules are simulated; empty: no rule of this engine depends on it
  [[nodiscard]] bool other() const { return !written.empty() && written != rules; }
};

// Null when the name is not in the table.
[[nodiscard]] const Framework* find_framework(const std::string& name);
// Where the rules of a release are not known, those of the next later one that are, or of the latest, stand for them.
[[nodiscard]] Release release_of(const Framework& framework, const std::string& name);

}  // namespace foretoken
