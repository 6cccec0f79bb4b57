// Flags of an engine's start line, one after the other.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace foretoken {

class LaunchLine {
 public:
  explicit LaunchLine(std::string start) : text_(std::move(start)) {}
  template <class T>
  void flag(std::string_view name, const T& value) {
    text_ += fmt::format(" {} {}", name, value);
  }
  // A size of 1 need not be said.
  void size(std::string_view name, int value) {
    if (value > 1) flag(name, value);
  }
  void word(std::string_view word) { text_ += fmt::format(" {}", word); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace foretoken
