// One line on the terminal that tells how far a study is.
#pragma once

#include <chrono>
#include <string>

#include "foretoken/study/run.hpp"

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

}  // namespace foretoken
