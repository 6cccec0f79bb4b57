// The command line as a function of its arguments.
#pragma once

namespace foretoken {

class PointRanks;

// `ranks`: the processes of an MPI run, of which this is one.
[[nodiscard]] int run_command_line(int argc, char** argv, PointRanks* ranks = nullptr);

}  // namespace foretoken
