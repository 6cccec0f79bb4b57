// One line on the terminal that tells how far a study is.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "cli/options.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

// Shows nothing for work that ends within half a second.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ~ProgressLine();  // wipes the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void update(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
  bool visible_ = false;
};

// A line that `progress` moves, where the output wants one; it lives as long as the answer is not there.
[[nodiscard]] std::unique_ptr<ProgressLine> follow(std::function<void(const Progress&)>& progress, std::string what,
                                                   const OutputOptions& output);

}  // namespace foretoken
