// The table of releases: one row per engine whose rules depend on it.
#include "scenario/engine_releases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace foretoken {
namespace {

struct Releases {
  std::string_view engine;
  std::string_view by_default;
  std::vector<std::string_view> known;
};

const std::vector<Releases>& release_table() {
  static const std::vector<Releases> rows{
      {"vllm-v1", "0.19", {"0.15", "0.16", "0.17", "0.18", "0.19", "0.20", "0.21", "0.22", "0.23", "0.24"}},
      {"vllm-v0", "0.6", {"0.2", "0.3", "0.4", "0.5", "0.6"}},
      {"sglang", "0.5.9", {"0.4", "0.4.6", "0.5", "0.5.9", "0.5.18"}},
      {"tensorrt-llm",
       "1.0",
       {"0.6", "0.7", "0.8", "0.9", "0.10", "0.11", "0.12", "0.13", "0.14", "0.15", "0.16", "0.17", "0.18", "0.19",
        "0.20", "0.21", "1.0", "1.1", "1.2"}},
  };
  return rows;
}

}  // namespace

std::vector<std::string_view> all_engine_releases() {
  std::vector<std::string_view> all;
  for (const Releases& row : release_table()) {
    for (const std::string_view release : row.known) {
      if (std::find(all.begin(), all.end(), release) == all.end()) all.push_back(release);
    }
  }
  return all;
}

std::string engine_release(Resolver& values, const std::string& engine) {
  const auto row = std::find_if(release_table().begin(), release_table().end(),
                                [&](const Releases& r) { return r.engine == engine; });
  if (row == release_table().end())
    return values.text("engine.version", {"0.19", Origin::engine_default, "no rule depends on it"});
  std::string release =
      values.text("engine.version", {std::string(row->by_default), Origin::engine_default, "for " + engine});
  if (std::find(row->known.begin(), row->known.end(), release) == row->known.end()) {
    values.error("engine.version",
                 fmt::format("'engine.version' must be one of {} for engine.name: {}; got '{}'",
                             fmt::join(row->known, ", "), engine, release));
  }
  return release;
}

}  // namespace foretoken
