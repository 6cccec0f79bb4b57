// Which releases of each engine have rules here, and which one is meant when none is named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenario/resolver.hpp"

namespace foretoken {

// Of all engines, without duplicates: the values engine.version can have.
[[nodiscard]] std::vector<std::string_view> all_engine_releases();
// Given or the engine's default; one that the engine does not have is reported.
[[nodiscard]] std::string engine_release(Resolver& values, const std::string& engine);

}  // namespace foretoken
