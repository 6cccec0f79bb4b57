// Host, token, method, origin and type, in this order.
#include "studio/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace foretoken {
namespace {

constexpr std::string_view kReads[] = {"/"};
constexpr std::string_view kActs[] = {"/estimate", "/simulate", "/export", "/report"};

// Takes as long for a wrong first letter as for a wrong last one.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0U : 1U;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]);
  return difference == 0;
}

// ?token=...
std::string_view token_in(std::string_view target) {
  const std::size_t query = target.find('?');
  if (query == std::string_view::npos) return {};
  std::string_view rest = target.substr(query + 1);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    if (part.starts_with("token=")) return part.substr(6);
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return {};
}

std::array<std::string, 2> names_of(unsigned short port) {
  return {fmt::format("127.0.0.1:{}", port), fmt::format("localhost:{}", port)};
}

bool is_one_of(std::string_view word, auto&& words) {
  for (const auto& w : words)
    if (word == w) return true;
  return false;
}

}  // namespace

std::string path_of_target(const std::string& target) {
  return target.substr(0, target.find('?'));
}

std::optional<Refusal> why_refused(const RequestHead& head, const Gate& gate) {
  const auto names = names_of(gate.port);
  if (!is_one_of(head.host, names)) return Refusal{403, "this server answers to " + names[0] + " only"};
  // The page is opened by its address, which the user has; what the page then asks carries a header, which no other
  // page can set.
  const std::string_view token = head.method == "GET" ? token_in(head.target) : std::string_view(head.token);
  if (!same_secret(token, gate.token))
    return Refusal{403, "the token is missing or wrong: open the address that `foretoken studio` printed"};
  const std::string path = path_of_target(head.target);
  const bool reads = is_one_of(path, kReads), acts = is_one_of(path, kActs);
  if (!reads && !acts) return Refusal{404, "there is nothing here"};
  if (head.method != (reads ? "GET" : "POST")) return Refusal{405, reads ? "GET only" : "POST only"};
  if (reads) return std::nullopt;
  if (head.origin != "http://" + names[0] && head.origin != "http://" + names[1])
    return Refusal{403, "only the page of this server may ask"};
  if (!head.content_type.starts_with("application/json")) return Refusal{415, "send application/json"};
  return std::nullopt;
}

}  // namespace foretoken
