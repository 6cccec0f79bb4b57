// Ctrl-C, SIGTERM and a terminal that is closed ask a study to stop; what is finished is kept.
#pragma once

#include <atomic>

namespace foretoken {

// From now on the first SIGINT or SIGTERM raises the flag; the second ends the program at once. SIGHUP raises it too,
// however often it comes (a shell and the terminal both send it), unless nohup had it ignored.
[[nodiscard]] const std::atomic<bool>* install_interrupt_handlers();

// A write to a closed pipe, or beyond the limit of the size of files, reports it instead of ending the program.
void let_writes_fail();

}  // namespace foretoken
