// The commands that start a deployment on real hardware, and measure it.
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// As the engines and Hugging Face call it.
[[nodiscard]] std::string served_model_name(const Scenario& scenario);
// vllm serve ..., of one replica; empty for engines that exist only on paper (orca, static ...).
[[nodiscard]] std::string serve_line(const Scenario& scenario);
// What the start line of a pool's replicas says besides, so that they hand over; empty where no flag does it.
[[nodiscard]] std::string role_flags(const Scenario& scenario, const PoolPlan& pool);
// vllm bench serve ..., with the load of the scenario; empty when that cannot make such a load (a trace, a profile).
[[nodiscard]] std::string bench_line(const Scenario& scenario);
// Whether the flags of that line make the lengths that were simulated.
[[nodiscard]] bool bench_lengths_are_exact(const Scenario& scenario);
// The flags of percentiles and goodput, which every bench line ends with.
[[nodiscard]] std::string bench_measures(const Scenario& scenario);
// What was simulated and these lines do not say, one sentence each.
// With a load that is replayed from a file, of the load only what a model does to it.
[[nodiscard]] std::vector<std::string> launch_differences(const Scenario& scenario, bool load_is_replayed = false);

}  // namespace foretoken
