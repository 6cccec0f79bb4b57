// The one piece of global state: a signal handler can reach nothing else.
#include "cli/interrupt.hpp"

#include <csignal>

namespace foretoken {
namespace {

// A signal handler reaches nothing but globals. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" void request_stop(int) {
  stop_requested.store(true);
}

void install(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

const std::atomic<bool>* install_interrupt_handlers() {
  install(SIGINT, request_stop, static_cast<int>(SA_RESETHAND));
  install(SIGTERM, request_stop, static_cast<int>(SA_RESETHAND));
  struct sigaction now {};
  if (sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) install(SIGHUP, request_stop, 0);
  return &stop_requested;
}

void let_writes_fail() {
  install(SIGPIPE, SIG_IGN, 0);
  install(SIGXFSZ, SIG_IGN, 0);
}

}  // namespace foretoken
