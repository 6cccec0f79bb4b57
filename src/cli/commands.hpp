// The commands of the program: one row each, in the order of its help.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace foretoken {

class PointRanks;

// How the program was started, for the command that starts another in its place.
struct Invocation {
  std::vector<std::string> arguments;
  PointRanks* ranks = nullptr;  // null outside an MPI program
};

// What is done when the command is chosen; gives the exit code.
using Action = std::function<int()>;

struct Command {
  const char* name;
  const char* about;
  const char* example;                           // one that works for everybody who has the scenario
  std::function<Action(CLI::App* command)> add;  // adds its options
};

[[nodiscard]] std::vector<Command> commands(const Invocation& invocation);

// Those with a file of their own, `cmd_<name>.cpp`.
[[nodiscard]] Action add_run_command(CLI::App* command);
[[nodiscard]] Action add_sweep_command(CLI::App* command, const Invocation& invocation);
[[nodiscard]] Action add_merge_command(CLI::App* command);
[[nodiscard]] Action add_batch_command(CLI::App* command);
[[nodiscard]] Action add_memory_command(CLI::App* command);
[[nodiscard]] Action add_import_command(CLI::App* command);
[[nodiscard]] Action add_init_command(CLI::App* command);
[[nodiscard]] Action add_sensitivity_command(CLI::App* command);
[[nodiscard]] Action add_check_command(CLI::App* command);
[[nodiscard]] Action add_assert_command(CLI::App* command);
[[nodiscard]] Action add_bill_command(CLI::App* command);
[[nodiscard]] Action add_spares_command(CLI::App* command);
[[nodiscard]] Action add_placement_command(CLI::App* command);
[[nodiscard]] Action add_diff_command(CLI::App* command);
[[nodiscard]] Action add_verify_command(CLI::App* command);
[[nodiscard]] Action add_capacity_command(CLI::App* command);
[[nodiscard]] Action add_promise_command(CLI::App* command);
[[nodiscard]] Action add_compare_command(CLI::App* command);
[[nodiscard]] Action add_studio_command(CLI::App* command);
[[nodiscard]] Action add_recommend_command(CLI::App* command);
[[nodiscard]] Action add_emit_command(CLI::App* command);
[[nodiscard]] Action add_explain_command(CLI::App* command);
[[nodiscard]] Action add_accuracy_command(CLI::App* command);
[[nodiscard]] Action add_validate_command(CLI::App* command);
[[nodiscard]] Action add_calibrate_command(CLI::App* command);
[[nodiscard]] Action add_catalog_command(CLI::App* command);
[[nodiscard]] Action add_schema_command(CLI::App* command);
[[nodiscard]] Action add_completion_command(CLI::App* command);
[[nodiscard]] Action add_man_command(CLI::App* command);

}  // namespace foretoken
