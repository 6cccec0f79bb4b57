// How users name a measurement: a file, and what it does not say about its load.
#pragma once

#include <string>
#include <vector>

namespace foretoken {

// A result file or a replay folder, and what it does not say about its load: `workload.request_rate=8`.
struct MeasuredFile {
  std::string path;
  std::vector<std::string> overrides;
};
// "FILE" or "FILE:key=value,key=value".
[[nodiscard]] MeasuredFile parse_measured_file(const std::string& text);

}  // namespace foretoken
