// Runs a program as a user would, and keeps what it said.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace foretoken::testing {

struct ProcessResult {
  int exit_code = -1;  // 128 + n when signal n ended it
  std::string out;
  std::string err;
};

struct ProcessOptions {
  std::string input;                // standard input
  std::string stdout_path;          // instead of collecting it: /dev/full
  bool close_stdout_early = false;  // a reader that goes away at once
  // Called with the process id while it runs.
  std::function<void(int pid)> meanwhile;
};

[[nodiscard]] ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& options = {});

}  // namespace foretoken::testing
