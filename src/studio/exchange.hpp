// One request of the page while it is answered: what answers it need not know of sockets.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "foretoken/base/json.hpp"

namespace foretoken {

struct StudioRequest {
  std::string method;  // GET, POST
  std::string path;    // without its query
  std::string body;
};

struct StudioReply {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::string policy = {};  // Content-Security-Policy
};

// Contract: either one reply(), or any number of events and then end(). All may be called from any thread; after
// gone() became true they do nothing.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void reply(StudioReply reply) = 0;
  virtual void event(std::string_view name, const Json& data) = 0;
  // An event that a later one replaces while it waits to be sent: a slow reader gets fewer of them.
  virtual void progress(const Json& data) = 0;
  virtual void end() = 0;
  // Whoever asked has gone, or the studio ends: nobody wants the rest of the answer.
  [[nodiscard]] virtual const std::atomic<bool>& gone() const = 0;
};
using ExchangePointer = std::shared_ptr<Exchange>;

}  // namespace foretoken
