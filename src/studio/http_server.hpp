// The listening side: accepts on 127.0.0.1, gives every connection a session, and ends all of them.
#pragma once

#include <memory>
#include <string>

#include "foretoken/base/result.hpp"
#include "studio/http_session.hpp"

namespace foretoken {

class HttpServer {
 public:
  // Errors: the port is taken or not allowed. Port 0: any that is free.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(unsigned short port, std::string token,
                                                                  const HttpLimits& limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] unsigned short port() const;
  // Answers until `stop` becomes true, or nobody was connected for so long (0: never); then every session is closed,
  // and its exchange gone.
  void serve(const HttpSession::Answer& answer, const std::atomic<bool>& stop, std::chrono::milliseconds idle);

 private:
  struct Listening;
  explicit HttpServer(std::unique_ptr<Listening> listening);
  std::unique_ptr<Listening> listening_;
};

}  // namespace foretoken
