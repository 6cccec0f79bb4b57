// Reading a scenario: text to tree, overrides on top, values, typed parts, checks.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/csv.hpp"
#include "scenario/build.hpp"
#include "scenario/calibration_file.hpp"
#include "scenario/pool_tree.hpp"
#include "scenario/scenario_text.hpp"
#include "scenario/sweep_axes.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;
constexpr const char* kKindOfFile = "scenarios are YAML files; see scenarios/ for examples";

void relocate(YamlNode& node, const SourceLocation& where) {
  node.where = where;
  for (YamlNode& item : node.items) relocate(item, where);
  for (auto& entry : node.entries) {
    entry.where = where;
    relocate(entry.value, where);
  }
}

YamlNode empty_map(const SourceLocation& where) {
  YamlNode map;
  map.kind = YamlNode::Kind::map;
  map.where = where;
  return map;
}

// One `a.b[1].c=value` on its way into the tree.
class Override {
 public:
  explicit Override(const std::string& text) : text_(text), where_{"--set " + text, 0, 0} {}

  void apply(YamlNode& root, Diagnostics& problems) {
    const auto equals = text_.find('=');
    const std::string path = text_.substr(0, equals);
    if (equals == std::string::npos || path.empty()) {
      problems.error(where_, "an override is key=value", "for example --set engine.max_num_seqs=64");
      return;
    }
    if (!is_known(path, problems)) return;
    auto value = parse_yaml(text_.substr(equals + 1), where_.file);
    if (!value) {
      const Diagnostics found = value.error();
      for (const Diagnostic& d : found.items()) problems.error(where_, d.message, d.hint);
      return;
    }
    if (text_.find_first_not_of(" \t", equals + 1) == std::string::npos) {
      problems.error(where_, "no value after '='", fmt::format("'{}=null' takes a key away", path));
      return;
    }
    relocate(*value, where_);
    std::string unknown_pool;
    const std::string by_index = path_by_index(root, path, unknown_pool);
    if (unknown_pool.empty())
      put(root, by_index, std::move(*value), problems);
    else
      problems.error(where_, unknown_pool);
  }

 private:
  bool is_known(const std::string& path, Diagnostics& problems) const {
    if (find_field(table_path(path)) != nullptr) return true;
    const auto dot = path.rfind('.');
    if (const UnmodelledKey* known = find_unmodelled(dot == std::string::npos ? path : path.substr(dot + 1))) {
      problems.error(where_, fmt::format("'{}' is not modelled", path), std::string(known->advice));
      return false;
    }
    std::vector<std::string> paths;
    for (const Field& f : scenario_fields()) paths.emplace_back(f.path);
    const std::string close = closest_match(path, paths);
    problems.error(where_, fmt::format("unknown key '{}'", path),
                   close.empty() ? "`foretoken schema` lists all keys" : fmt::format("did you mean '{}'?", close));
    return false;
  }

  void put(YamlNode& root, const std::string& path, YamlNode value, Diagnostics& problems) const {
    YamlNode* at = &root;
    std::string parent;
    std::size_t begin = 0;
    for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
      at = step(*at, parent, path.substr(begin, dot - begin), problems);
      if (at == nullptr) return;
      begin = dot + 1;
    }
    if (at->kind != YamlNode::Kind::map) *at = empty_map(where_);
    const std::string key = spelling_in(*at, parent, path.substr(begin));
    const bool removes = value.kind == YamlNode::Kind::null;
    const auto is_key = [&](const YamlNode::Entry& e) { return e.key == key; };
    if (removes)
      at->entries.erase(std::remove_if(at->entries.begin(), at->entries.end(), is_key), at->entries.end());
    else if (YamlNode* found = at->find(key))
      *found = std::move(value);
    else
      at->entries.push_back({key, where_, std::move(value)});
  }

  // Into the map `key` of a map, or the element of a list for `key[2]`; made when absent.
  YamlNode* step(YamlNode& map, std::string& parent, const std::string& key, Diagnostics& problems) const {
    if (map.kind != YamlNode::Kind::map) map = empty_map(where_);
    const auto bracket = key.find('[');
    const std::string name = key.substr(0, bracket);
    const std::string list = parent + (parent.empty() ? "" : ".") + name;
    parent += (parent.empty() ? "" : ".") + key;
    YamlNode* found = map.find(name);
    if (bracket == std::string::npos) {
      if (found != nullptr) return found;
      map.entries.push_back({name, where_, empty_map(where_)});
      return &map.entries.back().value;
    }
    std::int64_t index = -1;
    const bool is_index =
        key.back() == ']' && parse_number(std::string_view(key).substr(bracket + 1, key.size() - bracket - 2), index);
    const std::size_t count = found == nullptr ? 0 : found->items.size();
    if (!is_index || index < 0 || static_cast<std::size_t>(index) >= count) {
      problems.error(where_, fmt::format("there is no '{}'; the list '{}' has {} elements", parent, list, count),
                     "elements count from 0");
      return nullptr;
    }
    return &found->items[static_cast<std::size_t>(index)];
  }

  const std::string& text_;
  SourceLocation where_;
};

// In the file's order; what concerns no line of it first, overrides last.
void sort_out(const std::string& origin, Diagnostics all, Diagnostics& errors, Diagnostics* warnings) {
  std::vector<Diagnostic> items = all.items();
  const auto rank = [&](const Diagnostic& d) {
    return std::tuple(d.where.file != origin, d.where.line, d.where.column);
  };
  std::stable_sort(items.begin(), items.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return rank(a) < rank(b); });
  std::vector<std::string> said;
  for (const Diagnostic& d : items) {
    std::string text = format(d);
    if (std::find(said.begin(), said.end(), text) != said.end()) continue;
    said.push_back(std::move(text));
    if (d.severity == Severity::error)
      errors.error(d.where, d.message, d.hint, d.source_line);
    else if (warnings != nullptr)
      warnings->warning(d.where, d.message, d.hint, d.source_line);
  }
}

}  // namespace

Result<YamlNode> scenario_tree(const std::string& text, const std::string& origin, const LoadOptions& options,
                               Diagnostics& problems) {
  auto tree = parse_yaml(text, origin);
  if (!tree) return tree;
  for (const std::string& o : options.overrides) Override(o).apply(*tree, problems);
  join_axes(*tree, {"sweep"}, options.over, problems);
  join_axes(*tree, {"recommend", "over"}, options.recommend_over, problems);
  return tree;
}

Result<Scenario> parse_scenario(const std::string& text, const std::string& origin, const LoadOptions& options,
                                Diagnostics* warnings) {
  Diagnostics overriding;
  Result<YamlNode> tree = scenario_tree(text, origin, options, overriding);
  if (!tree) return tree.error();
  const bool pooled = tree->kind == YamlNode::Kind::map && tree->find("pools") != nullptr;
  const Diagnostics calibrating = pooled ? Diagnostics{} : apply_calibration_file(*tree, origin);
  Resolver values(*tree, text, origin);
  values.show_axes(options.over.empty() ? options.recommend_over : options.over);
  values.diagnostics().append(overriding);
  values.diagnostics().append(calibrating);
  Scenario scenario;
  scenario.name = std::filesystem::path(origin).stem().string();
  const Catalog catalog(options.catalog_dir);
  const auto broken = [&] { return values.diagnostics().has_errors(); };
  const ScenarioInput input{text, origin, options};
  if (tree->kind == YamlNode::Kind::map) {
    if (!pooled) build_deployment(values, catalog, scenario);
    // Without a GPU and a model the engine's defaults mean nothing; the rest is still read,
    // so that all its problems come at once.
    if (!pooled && !broken()) build_engine(values, scenario);
    build_workload(values, scenario);
    if (!pooled) build_class_acceptance(values, scenario);
    if (pooled) build_pools(values, *tree, catalog, input, scenario);
    apply_load_factor(values, scenario);
    build_questions(values, catalog, scenario);
    if (!pooled) build_cluster(values, options.spares_down, scenario);
    if (!broken()) build_adapters(values, scenario);
    if (!broken()) build_answers(values, scenario);
    build_prices(values, catalog, input, scenario);
    if (!broken()) check_together(values, scenario);
    if (!broken() && !pooled) check_connectors(values, scenario);
    if (!broken() && pooled) check_pools(values, scenario);
    if (!broken() && !pooled) check_calibration_file(values, scenario);
    if (!broken() && !pooled) check_routing(values, scenario);
    if (!broken()) check_effects(values, scenario);
  }
  Diagnostics errors;
  sort_out(origin, values.diagnostics(), errors, warnings);
  if (errors.has_errors()) return errors;
  scenario.fields = values.fields();
  return scenario;
}

Result<std::string> read_scenario_text(const std::string& path) {
  return read_text_file(path, kMostBytes, kKindOfFile);
}

Result<std::string> read_scenario_text(std::istream& stream, const std::string& name) {
  return read_text(stream, name, kMostBytes, kKindOfFile);
}

Result<Scenario> load_scenario(const std::string& path, const LoadOptions& options, Diagnostics* warnings) {
  const auto text = read_scenario_text(path);
  if (!text) return text.error();
  return parse_scenario(*text, path, options, warnings);
}

}  // namespace foretoken
