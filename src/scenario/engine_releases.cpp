// Releases that rules know, by the engines' profiles.
#include "scenario/engine_releases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "serving/engines/engine_profile.hpp"

namespace foretoken {

std::vector<std::string_view> all_engine_releases() {
  std::vector<std::string_view> all;
  for (const EngineProfile& row : engine_profiles()) {
    for (const std::string_view release : row.releases) {
      if (std::find(all.begin(), all.end(), release) == all.end()) all.push_back(release);
    }
  }
  return all;
}

std::string engine_release(Resolver& values, const std::string& engine) {
  // An engine that is none has been reported; what follows is not used.
  const auto rows = engine_profiles();
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const EngineProfile& r) { return r.info.name == engine; });
  if (row == rows.end() || row->releases.empty())
    return values.text("engine.version", {"0.19", Origin::engine_default, "no rule depends on it"});
  std::string release =
      values.text("engine.version", {std::string(row->default_release), Origin::engine_default, "for " + engine});
  if (std::find(row->releases.begin(), row->releases.end(), release) == row->releases.end()) {
    values.error("engine.version", fmt::format("'engine.version' must be one of {} for engine.name: {}; got '{}'",
                                               fmt::join(row->releases, ", "), engine, release));
  }
  return release;
}

}  // namespace foretoken
