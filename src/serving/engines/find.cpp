// Look-ups in the table of engines.
#include <algorithm>
#include <vector>

#include "foretoken/base/result.hpp"
#include "serving/batching/engine_policy.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {

std::span<const PolicyInfo> batching_policies() {
  static const std::vector<PolicyInfo> kInfos = [] {
    std::vector<PolicyInfo> infos;
    for (const EngineProfile& row : engine_profiles()) infos.push_back(row.info);
    return infos;
  }();
  return kInfos;
}

const EngineProfile& find_engine(std::string_view name) {
  const std::span<const EngineProfile> rows = engine_profiles();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const EngineProfile& r) { return r.info.name == name; });
  if (row == rows.end()) throw InternalError("unknown engine: " + std::string(name));
  return *row;
}

std::vector<std::string_view> engines_with_own(std::string_view key) {
  std::vector<std::string_view> names;
  for (const EngineProfile& row : engine_profiles()) {
    if (std::find(row.own_knobs.begin(), row.own_knobs.end(), key) != row.own_knobs.end())
      names.push_back(row.info.name);
  }
  return names;
}

EnginePolicy make_engine_policy(const EngineConfig& engine) {
  const EngineProfile& profile = find_engine(engine.name);
  const std::string_view partial_first = profile.partial_blocks_first;
  const KvRules kv = {.blocks = profile.blocks,
                      .stores_whole_contexts = profile.stores_whole_contexts,
                      .partial_blocks_first = !partial_first.empty() && version_at_least(engine.version, partial_first),
                      .guarantees_outputs = profile.guarantees_outputs != nullptr && profile.guarantees_outputs(engine),
                      .prompts_wait_for_room = profile.prompts_wait_for_room};
  return {profile.make(), kv, profile.last_row};
}

}  // namespace foretoken
