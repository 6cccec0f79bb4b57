// One request, as its client knows it.
#pragma once

#include <cstdint>

#include "foretoken/base/time.hpp"

namespace foretoken {

struct Request {
  std::int64_t index = 0;  // in order of arrival, from 0
  TimePoint arrival{};     // the client sends it
  Duration client_wait{};  // waited for a max_concurrency seat before that; not in TTFT or E2E
  std::int32_t prompt_tokens = 1;
  std::int32_t output_tokens = 1;  // true length; no policy may read it (INV-9)
  std::int32_t max_tokens = 1;     // what a policy may know of the output
  std::int16_t class_index = 0;    // into WorkloadConfig::classes, 0 when there are none
  std::int16_t priority = 0;       // smaller is served first
  std::int32_t prefix_row = -1;    // row of the PrefixTable that describes the prompt's start, -1 = none
  std::int32_t conversation = -1;  // the turns of one, each prompt of which starts with all before it; -1 = none
};

}  // namespace foretoken
