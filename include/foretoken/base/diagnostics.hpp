// What is wrong with a user's input, where, and what to do about it. Every
// problem of one input is collected before anything is refused.
#pragma once

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

}  // namespace foretoken
