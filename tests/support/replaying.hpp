// A workload that replays a trace file whole.
#pragma once

#include <string>

#include "foretoken/workload/workload_config.hpp"

namespace foretoken::test {

[[nodiscard]] inline WorkloadConfig replaying(const std::string& path) {
  WorkloadConfig config;
  TraceConfig trace;
  trace.path = path;
  config.arrivals = trace;
  config.num_prompts.reset();
  return config;
}

}  // namespace foretoken::test
