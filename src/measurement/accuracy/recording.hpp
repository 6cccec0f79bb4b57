// A recorded run as its folder holds it.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

// Seconds on the engine's clock, but for `arrival`.
struct RecordedRequest {
  int line = 0;
  std::string id;
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  double arrival = 0;  // on the client's clock until shift_arrivals()
  double queued = 0, scheduled = 0, first_token = 0, last_token = 0;
};
struct RecordedSecond {
  double time = 0;  // since the start of the recording
  double running = 0, waiting = 0, kv_percent = 0;
};
struct Recording {
  std::string model;
  std::string version;
  Json arguments;
  std::vector<RecordedRequest> requests;
  std::vector<RecordedSecond> seconds;
  double clock_offset = 0;  // engine clock - client clock
};

// Arrivals come out on the engine's clock: no request can be queued before it was sent, so the
// smallest distance between the two stamps is the distance of the clocks.
[[nodiscard]] Result<Recording> read_recording(const std::string& folder);

}  // namespace foretoken
