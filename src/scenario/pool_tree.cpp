// Pools in the scenario's tree.
#include "scenario/pool_tree.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenario/field_table.hpp"

namespace foretoken {
namespace {

// Of all pools together.
bool is_of_the_whole(std::string_view path) {
  return path == "hardware.num_gpus" || path == "hardware.nodes";
}

// Inherited as they stand; `spare` and what is asked are not of a pool.
bool is_of_a_deployment(std::string_view key) {
  for (const std::string_view inherited :
       {"model", "hardware", "engine", "memory", "cost", "replicas", "router", "routing", "fleet", "prices"}) {
    if (key == inherited) return true;
  }
  return false;
}

void overlay(YamlNode& base, const YamlNode& on_top, const std::string& parent) {
  for (const YamlNode::Entry& entry : on_top.entries) {
    const std::string path = parent.empty() ? entry.key : parent + "." + entry.key;
    const std::string there = spelling_in(base, parent, entry.key);
    const auto at = std::find_if(base.entries.begin(), base.entries.end(),
                                 [&](const YamlNode::Entry& e) { return e.key == there; });
    const Field* field = find_field(path);
    const bool merge = field != nullptr && field->kind == FieldKind::map && at != base.entries.end() &&
                       at->value.kind == YamlNode::Kind::map && entry.value.kind == YamlNode::Kind::map;
    if (merge)
      overlay(at->value, entry.value, path);
    else if (at != base.entries.end())
      *at = entry;
    else
      base.entries.push_back(entry);
  }
}

}  // namespace

std::string spelling_in(const YamlNode& map, const std::string& parent, const std::string& key) {
  const std::string prefix = parent.empty() ? "" : parent + ".";
  const Field* wanted = find_field(table_path(prefix + key));
  for (const auto& entry : map.entries) {
    if (wanted != nullptr && find_field(table_path(prefix + entry.key)) == wanted) return entry.key;
  }
  return key;
}

std::string path_by_index(const YamlNode& root, const std::string& path, std::string& problem) {
  constexpr std::string_view kByName = "pools.";
  if (!path.starts_with(kByName)) return path;
  const auto dot = path.find('.', kByName.size());
  const std::string name = path.substr(kByName.size(), dot - kByName.size());
  const YamlNode* pools = root.kind == YamlNode::Kind::map ? root.find("pools") : nullptr;
  std::string names;
  for (std::size_t i = 0; pools != nullptr && i < pools->items.size(); ++i) {
    const YamlNode* given = pools->items[i].find("name");
    if (given == nullptr) continue;
    if (given->text == name)
      return fmt::format("pools[{}]{}", i, dot == std::string::npos ? std::string{} : path.substr(dot));
    names += (names.empty() ? "" : ", ") + given->text;
  }
  problem = fmt::format("there is no pool '{}'; {}", name, names.empty() ? "the scenario has none" : "pools: " + names);
  return path;
}

YamlNode tree_of_pool(const YamlNode& root, const YamlNode& pool) {
  YamlNode tree = root;
  std::erase_if(tree.entries, [](const YamlNode::Entry& e) { return !is_of_a_deployment(e.key); });
  if (YamlNode* hardware = tree.find("hardware"))
    std::erase_if(hardware->entries, [](const YamlNode::Entry& e) { return is_of_the_whole("hardware." + e.key); });
  YamlNode own = pool;
  std::erase_if(own.entries, [](const YamlNode::Entry& e) {
    return e.key == "name" || e.key == "role" || e.key == "served_model_name" || e.key == "weight";
  });
  overlay(tree, own, "");
  tree.where = pool.where;
  return tree;
}

}  // namespace foretoken
