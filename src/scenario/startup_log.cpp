// One row per wording; numbers may have thousands separators.
#include "scenario/startup_log.hpp"

#include <algorithm>

namespace foretoken {
namespace {

struct Wording {
  std::string_view before;
  bool in_tokens;
};
constexpr Wording kWordings[] = {
    {"GPU KV cache size:", true},  {"max_total_num_tokens=", true}, {"# GPU blocks:", false},
    {"num_gpu_blocks is:", false}, {"num_gpu_blocks=", false},
};
constexpr std::int64_t kMost = 1'000'000'000'000;

std::int64_t number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::int64_t value = 0;
  for (const char c : text) {
    if (c == ',' && value > 0) continue;
    if (c < '0' || c > '9' || value > kMost) break;
    value = 10 * value + (c - '0');
  }
  return value;
}

}  // namespace

std::optional<LoggedCache> cache_of_log_line(std::string_view line) {
  for (const Wording& wording : kWordings) {
    const auto at = line.find(wording.before);
    if (at == std::string_view::npos) continue;
    const std::int64_t value = number_at(line.substr(at + wording.before.size()));
    if (value > 0 && value <= kMost) return LoggedCache{value, wording.in_tokens};
  }
  return std::nullopt;
}

}  // namespace foretoken
