// The commands that start a deployment on real hardware, and measure it.
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// vllm serve ..., of one replica; empty for engines that exist only on paper (orca, static ...).
[[nodiscard]] std::string serve_line(const Scenario& scenario);
// vllm bench serve ..., with the load of the scenario; empty when that cannot make such a load (a trace, a profile).
[[nodiscard]] std::string bench_line(const Scenario& scenario);
// What was simulated and these lines do not say, one sentence each.
[[nodiscard]] std::vector<std::string> launch_differences(const Scenario& scenario);

}  // namespace foretoken
