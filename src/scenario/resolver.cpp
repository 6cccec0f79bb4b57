// Answers with origin.
#include "scenario/resolver.hpp"

#include <cmath>
#include <filesystem>

#include <fmt/format.h>

namespace foretoken {
namespace {

bool from_command_line(const SourceLocation& where) { return where.file.rfind("--set", 0) == 0; }

}  // namespace

Json json_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null: return {};
    case YamlNode::Kind::scalar: {
      double value = 0;
      if (!node.quoted && node.text == "true") return true;
      if (!node.quoted && node.text == "false") return false;
      if (!plain_number(node, value) || std::isinf(value)) return node.text;
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

const YamlNode* Resolver::node(const std::string& path) const {
  const auto at = values_.find(path);
  return at == values_.end() ? nullptr : at->second.node;
}

void Resolver::record(const std::string& path, Json value, Origin origin, std::string reason) {
  resolved_[path] = {path, std::move(value), origin, origin == Origin::file ? where(path) : SourceLocation{}, std::move(reason)};
}

void Resolver::record_given(const std::string& path) {
  if (const YamlNode* given = node(path)) {
    record(path, json_of(*given), from_command_line(given->where) ? Origin::command_line : Origin::file);
  }
}

template <class T>
std::optional<T> Resolver::find(const std::string& path) {
  const auto at = values_.find(path);
  if (at == values_.end()) return std::nullopt;
  const T* value = std::get_if<T>(&at->second.parsed);
  if (value == nullptr) return std::nullopt;  // it was wrong, and was reported
  record_given(path);
  return *value;
}

std::int64_t Resolver::integer(const std::string& path, const Fallback<std::int64_t>& fallback) {
  if (const auto given = find<std::int64_t>(path)) return *given;
  record(path, fallback.value, fallback.origin, fallback.reason);
  return fallback.value;
}

double Resolver::number(const std::string& path, const Fallback<double>& fallback) {
  if (const auto given = find<double>(path)) return *given;
  record(path, std::isinf(fallback.value) ? Json("inf") : Json(fallback.value), fallback.origin, fallback.reason);
  return fallback.value;
}

double Resolver::quantity(const std::string& path, const Fallback<double>& fallback) {
  if (const auto given = find<double>(path)) return *given;
  const Field* field = find_field(path);
  record(path, fallback.value == 0 ? Json(0) : Json(format_quantity(fallback.value, field->dimension)), fallback.origin, fallback.reason);
  return fallback.value;
}

Duration Resolver::duration(const std::string& path, Duration fallback) {
  return duration_from_seconds(quantity(path, {to_seconds(fallback)}));
}

bool Resolver::flag(const std::string& path, const Fallback<bool>& fallback) {
  if (const auto given = find<bool>(path)) return *given;
  record(path, fallback.value, fallback.origin, fallback.reason);
  return fallback.value;
}

std::string Resolver::text(const std::string& path, const Fallback<std::string>& fallback) {
  if (const auto given = find<std::string>(path)) return *given;
  record(path, fallback.value, fallback.origin, fallback.reason);
  return fallback.value;
}

std::optional<std::int64_t> Resolver::maybe_integer(const std::string& path) { return find<std::int64_t>(path); }
std::optional<double> Resolver::maybe_number(const std::string& path) { return find<double>(path); }
std::optional<double> Resolver::maybe_quantity(const std::string& path) { return find<double>(path); }
std::optional<std::string> Resolver::maybe_text(const std::string& path) { return find<std::string>(path); }
std::vector<std::string> Resolver::texts(const std::string& path) {
  return find<std::vector<std::string>>(path).value_or(std::vector<std::string>{});
}
std::vector<double> Resolver::numbers(const std::string& path) {
  return find<std::vector<double>>(path).value_or(std::vector<double>{});
}

std::size_t Resolver::count(const std::string& list_path) const {
  const YamlNode* list = node(list_path);
  return list == nullptr ? 0 : list->items.size();
}

SourceLocation Resolver::where(const std::string& path) const {
  for (std::string at = path; !at.empty();) {
    if (const YamlNode* n = node(at)) return n->where;
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
  diagnostics_.error(at, std::move(message), std::move(hint), at.file == origin_ ? lines_.at(at.line) : std::string{});
}

void Resolver::warning(const std::string& path, std::string message, std::string hint) {
  const SourceLocation at = where(path);
  diagnostics_.warning(at, std::move(message), std::move(hint), at.file == origin_ ? lines_.at(at.line) : std::string{});
}

std::string Resolver::path_of(const std::string& path, const std::string& file) const {
  const YamlNode* n = node(path);
  const std::filesystem::path given(file);
  if (given.is_absolute() || n == nullptr || from_command_line(n->where)) return file;
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
