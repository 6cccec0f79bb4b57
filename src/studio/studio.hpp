// A local server for what-if: a page whose controls are the scenario's fields, answered in closed form at every move
// and by a simulation where one rests.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "foretoken/scenario/question.hpp"
#include "studio/http_limits.hpp"

namespace foretoken {

struct StudioOptions {
  Question question;
  std::string token;        // who does not know it gets nothing; random
  unsigned short port = 0;  // 0: any that is free
  int threads = 1;          // of one simulation; two run at once
  HttpLimits limits = {};
  std::chrono::milliseconds idle{0};  // ends by itself when nobody was connected for so long; 0: never
  std::function<void(const std::string& address)> ready;  // it listens
};

// Serves until `stop` becomes true or it is idle. Errors: the scenario, or the port.
[[nodiscard]] Diagnostics run_studio(const StudioOptions& options, const std::atomic<bool>& stop);

}  // namespace foretoken
