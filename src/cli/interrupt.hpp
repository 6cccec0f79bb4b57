// Ctrl-C and SIGTERM ask a study to stop; what is finished is kept.
#pragma once

#include <atomic>

namespace foretoken {

// From now on the first SIGINT or SIGTERM raises the flag; the second ends the program at once.
[[nodiscard]] const std::atomic<bool>* install_interrupt_handlers();

// A write to a closed pipe reports it instead of ending the program.
void ignore_broken_pipes();

}  // namespace foretoken
