// Ctrl-C and SIGTERM ask a study to stop; what is finished is kept.
#pragma once

#include <atomic>

namespace foretoken {

// From now on the first SIGINT or SIGTERM raises the flag; the second ends the
// program at once. SIGPIPE is ignored: writes report it.
[[nodiscard]] const std::atomic<bool>* install_interrupt_handlers();

}  // namespace foretoken
