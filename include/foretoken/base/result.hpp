// A value, or what is wrong with a user's input: where, and what to do about it. Every problem of one input is
// collected before anything is refused.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace foretoken {

// Where a value stands. line and column count from 1; 0 = not known.
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
  bool operator==(const SourceLocation&) const = default;
};

enum class Severity { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  SourceLocation where;
  std::string message;      // what is wrong and what is allowed
  std::string hint;         // what to do, may be empty
  std::string source_line;  // the line of input, for the caret; may be empty
};

class Diagnostics {
 public:
  void error(SourceLocation where, std::string message, std::string hint = {}, std::string source_line = {});
  void warning(SourceLocation where, std::string message, std::string hint = {}, std::string source_line = {});
  void append(const Diagnostics& other);

  [[nodiscard]] bool has_errors() const;
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }

 private:
  std::vector<Diagnostic> items_;
};

// `file:line:column: error: message`, the source line with a caret, the hint.
[[nodiscard]] std::string format(const Diagnostic& diagnostic);
[[nodiscard]] std::string format(const Diagnostics& diagnostics);

// A to Z become small letters.
[[nodiscard]] std::string lower_case(std::string_view word);

// The closest of `candidates` to a misspelt `word`, or empty when none is close.
[[nodiscard]] std::string closest_match(std::string_view word, const std::vector<std::string>& candidates);

// A value or the diagnostics that say why there is none.

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
