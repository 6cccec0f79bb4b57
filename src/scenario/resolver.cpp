// Answers with origin.
#include "scenario/resolver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/csv.hpp"
#include "scenario/sweep_axes.hpp"

namespace foretoken {
namespace {

bool from_command_line(const SourceLocation& where) {
  return where.file.starts_with("--");
}

}  // namespace

bool is_given(const ResolvedField& field) {
  return field.origin == Origin::file || field.origin == Origin::command_line;
}

bool is_given(const Scenario& scenario, std::string_view path) {
  return std::any_of(scenario.fields.begin(), scenario.fields.end(),
                     [&](const ResolvedField& f) { return f.path == path && is_given(f); });
}

Json json_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return {};
    case YamlNode::Kind::scalar: {
      double value = 0;
      std::int64_t whole = 0;
      if (!node.quoted && node.text == "true") return true;
      if (!node.quoted && node.text == "false") return false;
      if (!plain_number(node, value)) return node.text;
      if (std::isinf(value)) return "inf";  // however it was spelled
      if (parse_number(node.text, whole)) return whole;
      if (value == std::floor(value) && std::abs(value) < 9e15) return static_cast<std::int64_t>(value);
      return value;
    }
    case YamlNode::Kind::list: {
      Json list = Json::array();
      for (const YamlNode& item : node.items) list.push_back(json_of(item));
      return list;
    }
    case YamlNode::Kind::map: {
      Json map = Json::object();
      for (const auto& e : node.entries) map[e.key] = json_of(e.value);
      return map;
    }
  }
  return {};
}

const YamlNode* Resolver::node(const std::string& path) {
  const auto at = values_.find(path);
  if (at == values_.end()) return nullptr;
  at->second.read = true;
  return at->second.node;
}

void Resolver::mark_read(const std::string& path) {
  if (const auto at = values_.find(path); at != values_.end()) at->second.read = true;
}

void Resolver::mark_tree_read(const std::string& path) {
  for (auto& [at, value] : values_) {
    const bool inside =
        at.starts_with(path) && (at.size() == path.size() || at[path.size()] == '.' || at[path.size()] == '[');
    value.read = value.read || inside;
  }
}

void Resolver::adopt(ResolvedField field) {
  std::string path = field.path;
  resolved_[std::move(path)] = std::move(field);
}

std::vector<std::string> Resolver::unread() const {
  std::vector<std::string> paths;
  for (const auto& [path, value] : values_) {
    if (!value.read) paths.push_back(path);
  }
  return paths;
}

void Resolver::record(const std::string& path, Json value, Origin origin, std::string reason) {
  resolved_[path] = {path, std::move(value), origin, origin == Origin::file ? where(path) : SourceLocation{},
                     std::move(reason)};
}

void Resolver::record_given(const std::string& path) {
  const auto at = values_.find(path);
  if (at == values_.end()) return;
  at->second.read = true;
  const YamlNode& given = *at->second.node;
  // 0.20 as a name must not become the number 0.2.
  const std::string* name = std::get_if<std::string>(&at->second.parsed);
  record(path, name != nullptr ? Json(*name) : json_of(given),
         from_command_line(given.where) ? Origin::command_line : Origin::file);
}

template <class T>
std::optional<T> Resolver::find(const std::string& path) {
  const auto at = values_.find(path);
  if (at == values_.end()) return std::nullopt;
  at->second.read = true;
  const T* value = std::get_if<T>(&at->second.parsed);
  if (value == nullptr) return std::nullopt;  // it was wrong, and was reported
  record_given(path);
  return *value;
}

template <class T>
T Resolver::value_or_default(const std::string& path) {
  if (const auto given = find<T>(path)) return *given;
  const Field* field = find_field(table_path(path));
  // A wrong value of a key without default was reported, and nothing is made of what stands in for it.
  if (field != nullptr && !field->has_plain_default() && values_.contains(path)) return T{};
  invariant(field != nullptr && field->has_plain_default(),
            [&] { return path + " has no default in the field table"; });
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = std::string(field->default_text);
  const Parsed parsed = parse(*field, node, path);
  const T* value = std::get_if<T>(&parsed);
  invariant(value != nullptr, [&] { return "the default of " + path + " is not of its type"; });
  const bool name = std::holds_alternative<std::string>(parsed);
  record(path, name ? Json(node.text) : json_of(node), Origin::default_value);
  return *value;
}

template <class T>
T Resolver::value_or_rule(const std::string& path, const Rule<T>& rule) {
  if (const auto given = find<T>(path)) return *given;
  Json spelled(rule.value);
  if constexpr (std::is_same_v<T, double>) {
    const Field* field = find_field(table_path(path));
    if (field->kind == FieldKind::quantity)
      spelled = rule.value == 0 ? Json(0) : Json(format_quantity(rule.value, field->dimension));
    else if (std::isinf(rule.value))
      spelled = "inf";
    else if (rule.value == std::floor(rule.value) && std::abs(rule.value) < 1e15)
      spelled = Json(static_cast<std::int64_t>(rule.value));  // as a file would say it
  }
  record(path, std::move(spelled), rule.origin, rule.reason);
  return rule.value;
}

// The kinds of values that the header's accessors need.
template std::optional<bool> Resolver::find(const std::string&);
template std::optional<double> Resolver::find(const std::string&);
template std::optional<std::int64_t> Resolver::find(const std::string&);
template std::optional<std::string> Resolver::find(const std::string&);
template std::optional<std::vector<std::string>> Resolver::find(const std::string&);
template std::optional<std::vector<double>> Resolver::find(const std::string&);
template bool Resolver::value_or_default(const std::string&);
template double Resolver::value_or_default(const std::string&);
template std::int64_t Resolver::value_or_default(const std::string&);
template std::string Resolver::value_or_default(const std::string&);
template bool Resolver::value_or_rule(const std::string&, const Rule<bool>&);
template double Resolver::value_or_rule(const std::string&, const Rule<double>&);
template std::int64_t Resolver::value_or_rule(const std::string&, const Rule<std::int64_t>&);
template std::string Resolver::value_or_rule(const std::string&, const Rule<std::string>&);

bool Resolver::accepts(const Field& field, const YamlNode& node) {
  const std::size_t before = diagnostics_.items().size();
  if (node.kind == YamlNode::Kind::null && !field.nullable) {
    error_at(node.where, fmt::format("'{}' has no value", field.path), "give a value or remove it");
  } else if (node.kind != YamlNode::Kind::null) {
    (void)parse(field, node, std::string(field.path));
  }
  return diagnostics_.items().size() == before;
}

std::size_t Resolver::count(const std::string& list_path) const {
  const auto at = values_.find(list_path);
  return at == values_.end() ? 0 : at->second.node->items.size();
}

SourceLocation Resolver::where(const std::string& path) const {
  for (std::string at = path; !at.empty();) {
    if (const auto found = values_.find(at); found != values_.end()) return found->second.node->where;
    const auto cut = at.find_last_of(".[");
    if (cut == std::string::npos) break;
    at.resize(cut);
  }
  return {origin_, 0, 0};
}

void Resolver::error(const std::string& path, std::string message, std::string hint) {
  error_at(where(path), std::move(message), std::move(hint));
}

void Resolver::error_at(const SourceLocation& at, std::string message, std::string hint) {
  if (is_hopeless()) return;
  diagnostics_.error(at, std::move(message), std::move(hint), source_line(at));
}

void Resolver::warning(const std::string& path, std::string message, std::string hint) {
  const SourceLocation at = where(path);
  diagnostics_.warning(at, std::move(message), std::move(hint), source_line(at));
}

void Resolver::show_axes(const std::vector<std::string>& over) {
  std::string text;
  for (const std::string& axis : over) text += axis + "\n";
  over_lines_ = SourceLines(text);
}

std::string Resolver::source_line(const SourceLocation& at) const {
  if (at.file == origin_) return lines_.at(at.line);
  return at.file == kOverSource ? over_lines_.at(at.line) : std::string{};
}

std::string Resolver::path_of(const std::string& path, const std::string& file) const {
  const auto at = values_.find(path);
  const std::filesystem::path given(file);
  if (given.is_absolute() || at == values_.end() || from_command_line(at->second.node->where)) return file;
  return (std::filesystem::path(origin_).parent_path() / given).lexically_normal().string();
}

std::vector<ResolvedField> Resolver::fields() const {
  std::vector<ResolvedField> ordered;
  const auto add_if = [&](auto matches) {
    for (const auto& [path, field] : resolved_) {
      if (matches(path)) ordered.push_back(field);
    }
  };
  for (const Field& f : scenario_fields()) {
    const std::string path(f.path);
    if (path.find("[]") != std::string::npos) continue;
    if (f.kind == FieldKind::list_of_maps) {
      const std::string prefix = path + "[";
      add_if([&](const std::string& p) { return p.rfind(prefix, 0) == 0; });
    } else {
      add_if([&](const std::string& p) { return p == path; });
    }
  }
  return ordered;
}

}  // namespace foretoken
