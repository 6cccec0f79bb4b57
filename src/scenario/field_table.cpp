// The field table in one piece, and how its rows are found.
#include "scenario/field_table.hpp"

#include <algorithm>

#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

const std::vector<Field>& field_table() {
  static const std::vector<Field> fields = [] {
    std::vector<Field> all;
    for (const auto part :
         {deployment_fields(), adapter_fields(), kv_offload_fields(), routing_fields(), fleet_fields(),
          autoscaler_fields(), pool_fields(), workload_fields(), client_fields(), question_fields()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return fields;
}

// "a.b" of "a.b.c"; list elements count as "a.b[]".
std::string_view parent_of(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}
std::string_view last_of(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

bool is_alias(const Field& field, std::string_view key) {
  std::string_view rest = field.aliases;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    if (rest.substr(0, comma) == key) return true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

// "engine.x" of "pools[].engine.x"; empty when it is not in a map of a pool.
std::string_view in_map_of_pool(std::string_view path) {
  constexpr std::string_view kPool = "pools[].";
  if (!path.starts_with(kPool)) return {};
  path.remove_prefix(kPool.size());
  const std::string_view map = path.substr(0, path.find('.'));
  return std::find(std::begin(kPoolMaps), std::end(kPoolMaps), map) == std::end(kPoolMaps) ? std::string_view{} : path;
}

}  // namespace

std::span<const Field> scenario_fields() {
  return field_table();
}

const Field* find_field(std::string_view path) {
  if (const std::string_view key = in_map_of_pool(path); key.find('.') != std::string_view::npos) path = key;
  for (const Field& f : field_table()) {
    if (f.path == path) return &f;
  }
  for (const Field& f : field_table()) {
    if (!f.aliases.empty() && parent_of(f.path) == parent_of(path) && is_alias(f, last_of(path))) return &f;
  }
  return nullptr;
}

std::vector<std::string> keys_under(std::string_view prefix) {
  if (const std::string_view map = in_map_of_pool(prefix); !map.empty()) prefix = map;
  std::vector<std::string> keys;
  for (const Field& f : field_table()) {
    if (parent_of(f.path) == prefix) keys.emplace_back(last_of(f.path));
  }
  return keys;
}

std::string table_path(std::string_view path) {
  std::string text;
  if (constexpr std::string_view kByName = "pools."; path.starts_with(kByName)) {
    const auto dot = path.find('.', kByName.size());
    text = "pools[]";
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot);
  }
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) text += c;
    if (c == '[') inside = true;
  }
  return text;
}

std::span<const UnmodelledKey> unmodelled_keys() {
  static constexpr UnmodelledKey kKeys[] = {
      {"disable_overlap_schedule", "engine.async_scheduling: false says the same"},
      {"disable_overlap_scheduler", "engine.async_scheduling: false says the same"},
      {"speculative", "engine.speculative_config says it"},
      {"draft_tensor_parallel_size", "a drafter runs with the target's tensor parallelism; leave the key out"},
      {"kv_transfer_config",
       "pools and disaggregation say it of hand-overs, engine.kv_offloading_size and kv_offloading_backend of tiers"},
      {"cpu_offload_gb", "leave the key out"},
      {"stream_interval", "every token is streamed; leave the key out"},
      {"num_scheduler_steps", "leave the key out"},
      {"max_num_partial_prefills", "vLLM V1 accepts it without effect; leave the key out"},
      {"max_long_partial_prefills", "vLLM V1 accepts it without effect; leave the key out"},
      {"prefix_repetition", "leave the key out"},
  };
  return kKeys;
}

const UnmodelledKey* find_unmodelled(std::string_view key) {
  for (const UnmodelledKey& known : unmodelled_keys()) {
    if (known.key == key) return &known;
  }
  return nullptr;
}

}  // namespace foretoken
