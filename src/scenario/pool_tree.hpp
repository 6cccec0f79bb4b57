// Pools in the scenario's tree: by name in paths, and with all that they inherit.
#pragma once

#include <string>

#include "scenario/yaml_tree.hpp"

namespace foretoken {

// The key under which the map already holds this field: an alias of it, maybe.
[[nodiscard]] std::string spelling_in(const YamlNode& map, const std::string& parent, const std::string& key);

// "pools.NAME.b" → "pools[1].b"; other paths stay. `problem` is set when no pool has the name.
[[nodiscard]] std::string path_by_index(const YamlNode& root, const std::string& path, std::string& problem);

// What the scenario would be if this pool were all of it: the keys of the top level that are of a deployment, and the
// pool's own in their place. Every value keeps its place in the file.
[[nodiscard]] YamlNode tree_of_pool(const YamlNode& root, const YamlNode& pool);

}  // namespace foretoken
