// How many random scenarios a suite runs: few by default, more for the slow label.
#pragma once

#include <cstdlib>

namespace foretoken::test {

inline int how_many_scenarios(int by_default) {
  const char* wanted = std::getenv("FORETOKEN_SCENARIOS");
  return wanted != nullptr ? std::atoi(wanted) : by_default;
}

// Those before it are left out: to look at one that fails.
inline int first_scenario() {
  const char* wanted = std::getenv("FORETOKEN_FROM");
  return wanted != nullptr ? std::atoi(wanted) : 0;
}

}  // namespace foretoken::test
