// The command line as a function of its arguments.
#pragma once

namespace foretoken {

[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace foretoken
