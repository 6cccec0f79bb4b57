// Strict access to one mapping of a catalog file.
#include "scenario/catalog_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/csv.hpp"

namespace foretoken {

CatalogDocument::CatalogDocument(const Catalog::File& file) : origin_(file.origin), text_(&file.text) {
  Result<YamlNode> tree = parse_yaml(file.text, origin_);
  if (!tree) {
    diagnostics_.append(tree.error());
  } else if (tree->kind != YamlNode::Kind::map) {
    error({origin_, 1, 1}, "must be a mapping of keys to values");
  } else {
    tree_ = std::move(*tree);
    root_ = &tree_;
  }
}

Diagnostics CatalogDocument::problems() const {
  std::vector<Diagnostic> items = diagnostics_.items();
  std::stable_sort(items.begin(), items.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.where.line, a.where.column) < std::pair(b.where.line, b.where.column);
  });
  Diagnostics sorted;
  for (Diagnostic& item : items) {
    sorted.error(std::move(item.where), std::move(item.message), std::move(item.hint), std::move(item.source_line));
  }
  return sorted;
}

void CatalogDocument::error(const SourceLocation& where, std::string message, std::string hint) {
  const std::string line = text_ == nullptr ? std::string{} : SourceLines(*text_).at(where.line);
  diagnostics_.error(where, std::move(message), std::move(hint), line);
}

bool CatalogFields::is_inline() const {
  return document_->is_inline();
}

bool CatalogFields::has(std::string_view key) const {
  return node_->find(key) != nullptr;
}

const YamlNode* CatalogFields::child(std::string_view key) {
  read_.emplace_back(key);
  return node_->find(key);
}

std::optional<std::string> CatalogFields::text(std::string_view key) {
  const YamlNode* node = child(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == YamlNode::Kind::scalar) return node->text;
  error(key, fmt::format("`{}` must be a text", key));
  return std::nullopt;
}

std::optional<double> CatalogFields::quantity(std::string_view key, Dimension dimension, double most) {
  const std::optional<std::string> written = text(key);
  if (!written) return std::nullopt;
  const Result<double> value = parse_quantity(*written, dimension);
  if (!value) {
    const Diagnostics problems = value.error();
    for (const Diagnostic& problem : problems.items()) error(key, problem.message, problem.hint);
    return std::nullopt;
  }
  if (*value > 0 && *value <= most) return *value;
  error(key,
        fmt::format("`{}` must be above 0 and at most {}, is {}", key, format_quantity(most, dimension), *written));
  return std::nullopt;
}

std::optional<double> CatalogFields::number(std::string_view key, double least, double most) {
  const std::optional<std::string> written = text(key);
  if (!written) return std::nullopt;
  double value = 0;
  if (!parse_number(std::string_view(*written), value)) {
    error(key, fmt::format("`{}` must be a number, is `{}`", key, *written));
  } else if (value < least || value > most) {
    error(key, fmt::format("`{}` must be in {}..{}, is {}", key, least, most, *written));
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<int> CatalogFields::count(std::string_view key, int least, int most) {
  const std::optional<std::string> written = text(key);
  if (!written) return std::nullopt;
  std::int64_t value = 0;
  if (!parse_number(std::string_view(*written), value)) {
    error(key, fmt::format("`{}` must be a whole number, is `{}`", key, *written));
  } else if (value < least || value > most) {
    error(key, fmt::format("`{}` must be in {}..{}, is {}", key, least, most, *written));
  } else {
    return static_cast<int>(value);
  }
  return std::nullopt;
}

std::optional<bool> CatalogFields::flag(std::string_view key) {
  const std::optional<std::string> written = text(key);
  if (!written) return std::nullopt;
  if (*written == "true" || *written == "false") return *written == "true";
  error(key, fmt::format("`{}` must be true or false, is `{}`", key, *written));
  return std::nullopt;
}

std::vector<std::string> CatalogFields::texts(std::string_view key) {
  std::vector<std::string> list;
  const YamlNode* node = child(key);
  if (node == nullptr) return list;
  if (node->kind != YamlNode::Kind::list) {
    error(key, fmt::format("`{}` must be a list of texts", key));
    return list;
  }
  for (const YamlNode& entry : node->items) {
    if (entry.kind == YamlNode::Kind::scalar && !entry.text.empty()) {
      list.push_back(entry.text);
    } else {
      document_->error(entry.where, fmt::format("`{}` must be a list of texts", key),
                       "quote an entry that has `: ` in it");
    }
  }
  return list;
}

std::optional<CatalogFields> CatalogFields::object(std::string_view key) {
  const YamlNode* node = child(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == YamlNode::Kind::map) return CatalogFields(*document_, *node);
  error(key, fmt::format("`{}` must be a mapping of keys to values", key));
  return std::nullopt;
}

std::optional<CatalogFields> CatalogFields::required_object(std::string_view key, std::string_view meaning) {
  if (!has(key)) missing(key, meaning);
  return object(key);
}

void CatalogFields::missing(std::string_view key, std::string_view meaning) {
  read_.emplace_back(key);
  document_->error(node_->where, fmt::format("`{}` is missing", key), fmt::format("expected: {}", meaning));
}

void CatalogFields::error(std::string_view key, const std::string& message, const std::string& hint) {
  const YamlNode* value = child(key);
  const YamlNode& place = value != nullptr ? *value : *node_;
  document_->error(place.where, message, hint);
}

void CatalogFields::refuse_others() {
  for (const YamlNode::Entry& entry : node_->entries) {
    if (std::find(read_.begin(), read_.end(), entry.key) != read_.end()) continue;
    const std::string closest = closest_match(entry.key, read_);
    document_->error(entry.where, fmt::format("unknown key `{}`", entry.key),
                     closest.empty() ? "" : fmt::format("did you mean `{}`?", closest));
  }
}

}  // namespace foretoken
