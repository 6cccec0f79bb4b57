// The measurements that a command reads.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "measurement/calibration/measured_file.hpp"

namespace CLI {
class App;
}

namespace foretoken {

// --measured FILE[:field=value,...], required, repeatable.
void add_measured_option(CLI::App& command, std::vector<std::string>& measured);
// None, and said why, where one of them is a file that the command writes: `outputs` by the names of their options.
[[nodiscard]] std::optional<std::vector<MeasuredFile>> measured_files(
    const std::vector<std::string>& measured, const std::vector<std::pair<std::string, std::string>>& outputs);

}  // namespace foretoken
