// Reading a scenario: text to tree, overrides on top, values, typed parts, checks.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

void relocate(YamlNode& node, const SourceLocation& where) {
  node.where = where;
  for (YamlNode& item : node.items) relocate(item, where);
  for (auto& entry : node.entries) {
    entry.where = where;
    relocate(entry.value, where);
  }
}

// The entry of `key` in a map, made when absent.
YamlNode& child(YamlNode& map, const std::string& key, const SourceLocation& where) {
  if (map.kind != YamlNode::Kind::map) {
    map = YamlNode{};
    map.kind = YamlNode::Kind::map;
    map.where = where;
  }
  if (YamlNode* found = map.find(key)) return *found;
  map.entries.push_back({key, where, {}});
  map.entries.back().value.where = where;
  return map.entries.back().value;
}

// The key under which the map already holds this field: an alias of it, maybe.
std::string spelling_in(const YamlNode& map, const std::string& path, const std::string& key) {
  const Field* wanted = find_field(path);
  if (wanted == nullptr) return key;
  const auto dot = path.rfind('.');
  const std::string parent = dot == std::string::npos ? "" : path.substr(0, dot + 1);
  for (const auto& entry : map.entries) {
    if (find_field(parent + entry.key) == wanted) return entry.key;
  }
  return key;
}

void apply(YamlNode& root, const std::string& override_text, Diagnostics& problems) {
  const SourceLocation where{"--set " + override_text, 0, 0};
  const auto equals = override_text.find('=');
  const std::string path = override_text.substr(0, equals);
  if (equals == std::string::npos || path.empty()) {
    problems.error(where, "an override is key=value", "for example --set engine.max_num_seqs=64");
    return;
  }
  if (find_field(path) == nullptr) {
    std::vector<std::string> paths;
    for (const Field& f : scenario_fields()) paths.emplace_back(f.path);
    const std::string close = closest_match(path, paths);
    problems.error(where, fmt::format("unknown key '{}'", path), close.empty() ? "`foretoken schema` lists all keys" : fmt::format("did you mean '{}'?", close));
    return;
  }
  auto value = parse_yaml(override_text.substr(equals + 1), where.file);
  if (!value) {
    const Diagnostics found = value.error();
    for (const Diagnostic& d : found.items()) problems.error(where, d.message, d.hint);
    return;
  }
  relocate(*value, where);
  YamlNode* at = &root;
  std::size_t begin = 0;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
    at = &child(*at, path.substr(begin, dot - begin), where);
    begin = dot + 1;
  }
  const std::string key = at->kind == YamlNode::Kind::map ? spelling_in(*at, path, path.substr(begin)) : path.substr(begin);
  child(*at, key, where) = std::move(*value);
}

// A null value is reported where a key has one; the file's own nulls stay.
Result<YamlNode> read_tree(const std::string& text, const std::string& origin, const LoadOptions& options) {
  auto tree = parse_yaml(text, origin);
  if (!tree) return tree;
  Diagnostics problems;
  for (const std::string& o : options.overrides) apply(*tree, o, problems);
  if (problems.has_errors()) return problems;
  return tree;
}

void sort_out(const Diagnostics& all, Diagnostics& errors, Diagnostics* warnings) {
  for (const Diagnostic& d : all.items()) {
    if (d.severity == Severity::error) errors.error(d.where, d.message, d.hint, d.source_line);
    else if (warnings != nullptr) warnings->warning(d.where, d.message, d.hint, d.source_line);
  }
}

}  // namespace

Result<Scenario> parse_scenario(const std::string& text, const std::string& origin, const LoadOptions& options, Diagnostics* warnings) {
  const auto tree = read_tree(text, origin, options);
  if (!tree) return tree.error();
  Resolver values(*tree, text, origin);
  Scenario scenario;
  scenario.name = std::filesystem::path(origin).stem().string();
  const Catalog catalog(options.catalog_dir);
  const auto broken = [&] { return values.diagnostics().has_errors(); };
  build_deployment(values, catalog, scenario);
  // Without a GPU and a model the engine's defaults mean nothing; the rest is still read,
  // so that all its problems come at once.
  if (!broken()) build_engine(values, scenario);
  build_workload(values, scenario);
  build_questions(values, scenario);
  build_cluster(values, scenario);
  if (!broken()) check_together(values, scenario);
  Diagnostics errors;
  sort_out(values.diagnostics(), errors, warnings);
  if (errors.has_errors()) return errors;
  scenario.fields = values.fields();
  return scenario;
}

Result<Scenario> load_scenario(const std::string& path, const LoadOptions& options, Diagnostics* warnings) {
  std::error_code ignored;
  Diagnostics problems;
  if (std::filesystem::is_directory(path, ignored)) {
    problems.error({path, 0, 0}, "is a folder, not a scenario file");
    return problems;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    problems.error({path, 0, 0}, "cannot be read", "scenarios are YAML files; see scenarios/ for examples");
    return problems;
  }
  std::string text;
  // Enough to see that it is too large, whatever it is (a device never ends).
  constexpr std::size_t kMost = (4 << 20) + 1;
  text.resize(kMost);
  file.read(text.data(), static_cast<std::streamsize>(kMost));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_scenario(text, path, options, warnings);
}

}  // namespace foretoken
