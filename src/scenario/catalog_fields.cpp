// Catalog files through yaml-cpp, which by itself would accept repeated keys, further
// documents, octal numbers and NaN.
#include "scenario/catalog_fields.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "foretoken/base/csv.hpp"

namespace foretoken {

// A tree of our own, copied once: keys keep their place, and nothing outlives the library's parser.
struct CatalogNode {
  enum class Kind { scalar, list, mapping, empty } kind = Kind::empty;
  int line = 1;
  int column = 1;
  std::string scalar;
  struct Member {
    std::string key;
    int line, column;
  };
  std::vector<Member> keys;           // of a mapping, beside `children`
  std::vector<CatalogNode> children;  // of a mapping or list
};

namespace {

// Aliases can make a few lines stand for billions of nodes.
constexpr int max_depth = 8;
constexpr int max_nodes = 10'000;

// The library's marks count from zero.
CatalogNode convert(const YAML::Node& node, int depth, int& nodes) {
  if (++nodes > max_nodes) throw YAML::ParserException(node.Mark(), "has too many entries for a catalog file");
  CatalogNode result;
  result.line = node.Mark().line + 1;
  result.column = node.Mark().column + 1;
  if (node.IsScalar()) {
    result.kind = CatalogNode::Kind::scalar;
    result.scalar = node.Scalar();
  } else if (node.IsSequence() || node.IsMap()) {
    if (depth >= max_depth) throw YAML::ParserException(node.Mark(), "nested too deeply for a catalog file");
    result.kind = node.IsMap() ? CatalogNode::Kind::mapping : CatalogNode::Kind::list;
    for (const auto& child : node) {
      if (node.IsMap()) {
        const YAML::Mark mark = child.first.Mark();
        if (!child.first.IsScalar()) throw YAML::ParserException(mark, "keys must be plain words");
        result.keys.push_back({child.first.Scalar(), mark.line + 1, mark.column + 1});
        result.children.push_back(convert(child.second, depth + 1, nodes));
      } else {
        result.children.push_back(convert(child, depth + 1, nodes));
      }
    }
  }
  return result;
}

// Only counts. YAML::LoadAll never returns from a stray `,` between documents (yaml-cpp
// 0.7 hands out empty documents for ever), so the second document is asked for by hand.
class IgnoreEvents : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

bool has_second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  IgnoreEvents ignore;
  return parser.HandleNextDocument(ignore) && parser.HandleNextDocument(ignore);
}

std::string source_line(std::string_view text, int line) {
  for (int skipped = 1; skipped < line; ++skipped) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

CatalogDocument::CatalogDocument(const Catalog::File& file) : file_(file) {
  if (file.text.find('\0') != std::string::npos) {
    error(1, 1, "is a binary file, not YAML");
    return;
  }
  try {
    const bool one = !has_second_document(file.text);
    const YAML::Node document = one ? YAML::Load(file.text) : YAML::Node();
    if (!document.IsMap()) {
      error(1, 1, one ? "must be a mapping of keys to values" : "must be one YAML document, not several");
      return;
    }
    int nodes = 0;
    root_ = std::make_unique<CatalogNode>(convert(document, 0, nodes));
  } catch (const YAML::Exception& problem) {
    error(problem.mark.line + 1, problem.mark.column + 1, problem.msg);
  }
}

CatalogDocument::~CatalogDocument() = default;

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

void CatalogDocument::error(int line, int column, std::string message, std::string hint) {
  diagnostics_.error({.file = file_.origin, .line = line, .column = column}, std::move(message), std::move(hint),
                     source_line(file_.text, line));
}

bool CatalogFields::has(std::string_view key) const {
  return std::any_of(node_->keys.begin(), node_->keys.end(), [&](const auto& member) { return member.key == key; });
}

const CatalogNode* CatalogFields::child(std::string_view key) {
  read_.emplace_back(key);
  for (std::size_t i = 0; i < node_->keys.size(); ++i) {
    if (node_->keys[i].key == key) return &node_->children[i];
  }
  return nullptr;
}

std::optional<std::string> CatalogFields::text(std::string_view key) {
  const CatalogNode* node = child(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == CatalogNode::Kind::scalar) return node->scalar;
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
  const CatalogNode* node = child(key);
  if (node == nullptr) return list;
  if (node->kind != CatalogNode::Kind::list) {
    error(key, fmt::format("`{}` must be a list of texts", key));
    return list;
  }
  for (const CatalogNode& entry : node->children) {
    if (entry.kind == CatalogNode::Kind::scalar && !entry.scalar.empty()) {
      list.push_back(entry.scalar);
    } else {
      document_->error(entry.line, entry.column, fmt::format("`{}` must be a list of texts", key),
                       "quote an entry that has `: ` in it");
    }
  }
  return list;
}

std::optional<CatalogFields> CatalogFields::object(std::string_view key) {
  const CatalogNode* node = child(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == CatalogNode::Kind::mapping) return CatalogFields(*document_, *node);
  error(key, fmt::format("`{}` must be a mapping of keys to values", key));
  return std::nullopt;
}

std::optional<CatalogFields> CatalogFields::required_object(std::string_view key, std::string_view meaning) {
  if (!has(key)) missing(key, meaning);
  return object(key);
}

void CatalogFields::missing(std::string_view key, std::string_view meaning) {
  read_.emplace_back(key);
  document_->error(node_->line, node_->column, fmt::format("`{}` is missing", key),
                   fmt::format("expected: {}", meaning));
}

void CatalogFields::error(std::string_view key, const std::string& message, const std::string& hint) {
  const CatalogNode* value = child(key);
  const CatalogNode& place = value != nullptr ? *value : *node_;
  document_->error(place.line, place.column, message, hint);
}

void CatalogFields::refuse_others() {
  std::vector<std::string> seen;
  for (const CatalogNode::Member& member : node_->keys) {
    if (std::find(seen.begin(), seen.end(), member.key) != seen.end()) {
      document_->error(member.line, member.column, fmt::format("`{}` is given twice", member.key));
    }
    seen.push_back(member.key);
    if (std::find(read_.begin(), read_.end(), member.key) != read_.end()) continue;
    const std::string closest = closest_match(member.key, read_);
    document_->error(member.line, member.column, fmt::format("unknown key `{}`", member.key),
                     closest.empty() ? "" : fmt::format("did you mean `{}`?", closest));
  }
}

}  // namespace foretoken
