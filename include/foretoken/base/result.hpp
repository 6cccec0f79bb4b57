// A value or the diagnostics that say why there is none.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

#include "foretoken/base/diagnostics.hpp"

namespace foretoken {

// Thrown by `Result::value()` on an error that a caller failed to check.
class DiagnosticsError : public std::runtime_error {
 public:
  explicit DiagnosticsError(Diagnostics diagnostics)
      : std::runtime_error(format(diagnostics)), diagnostics_(std::move(diagnostics)) {}
  [[nodiscard]] const Diagnostics& diagnostics() const { return diagnostics_; }

 private:
  Diagnostics diagnostics_;
};

[[noreturn]] inline void throw_exception_from_error(const Diagnostics& diagnostics, const boost::source_location&) {
  throw DiagnosticsError(diagnostics);
}

template <class T>
using Result = boost::system::result<T, Diagnostics>;

// A state that no input may produce. Thrown in every build; says the simulated
// time and the ids concerned.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void invariant(bool holds, const char* what) {
  if (!holds) [[unlikely]]
    throw InternalError(what);
}
// For messages that need building: the callable runs only when the check fails.
template <class Describe>
requires requires(Describe d) {
  std::string(d());
}
void invariant(bool holds, Describe&& describe) {
  if (!holds) [[unlikely]]
    throw InternalError(std::string(describe()));
}

}  // namespace foretoken
