// Who may ask: a page of this server that knows its token. Everything else is refused before it is read to its end.
#pragma once

#include <optional>
#include <string>

namespace foretoken {

// What a request says of itself before its body. Empty = it does not say.
struct RequestHead {
  std::string method;
  std::string target;  // with its query
  std::string host;
  std::string origin;
  std::string token;  // header X-Foretoken-Token
  std::string content_type;
};

struct Gate {
  std::string token;
  unsigned short port = 0;
};

struct Refusal {
  int status = 403;
  std::string reason;
};

// Names of other machines that lead here (DNS rebinding), other pages in the same browser, other programs without the
// token: all refused.
[[nodiscard]] std::optional<Refusal> why_refused(const RequestHead& head, const Gate& gate);

// "/run?token=ab" → "/run".
[[nodiscard]] std::string path_of_target(const std::string& target);

}  // namespace foretoken
