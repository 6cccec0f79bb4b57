// Releases, part by part.
#include "foretoken/base/version.hpp"

#include <algorithm>
#include <charconv>

namespace foretoken {
namespace {

// The number in front, which is taken off together with its dot.
int next_part(std::string_view& version) {
  int number = 0;
  const auto* end = std::from_chars(version.data(), version.data() + version.size(), number).ptr;
  version.remove_prefix(static_cast<std::size_t>(end - version.data()));
  version.remove_prefix(std::min<std::size_t>(1, version.size()));
  return number;
}

}  // namespace

bool version_at_least(std::string_view version, std::string_view bound) {
  while (!bound.empty()) {
    const int ours = next_part(version);
    const int theirs = next_part(bound);
    if (ours != theirs) return ours > theirs;
  }
  return true;
}

}  // namespace foretoken
