// What a client may take: bytes, connections, time.
#pragma once

#include <chrono>
#include <cstddef>

namespace foretoken {

struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 64 * 1024;
  std::size_t connections = 128;
  std::chrono::milliseconds request{10'000};    // from the connection to the last byte of the request
  std::chrono::milliseconds write{30'000};      // of one piece of an answer
  std::chrono::milliseconds linger{2'000};      // for the other side to read the answer and close
  std::chrono::milliseconds heartbeat{10'000};  // between two signs of life of a stream of events
};

}  // namespace foretoken
