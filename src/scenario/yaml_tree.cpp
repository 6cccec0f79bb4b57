// yaml-cpp's event stream into a tree, with the strictness that its own tree lacks.
#include "scenario/yaml_tree.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace foretoken {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::size_t kMaxDepth = 64;

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string origin, const SourceLines& lines) : origin_(std::move(origin)), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*name) are not supported", "write the value out");
    leaf(mark, 0, {});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    YamlNode node;
    node.quoted = tag == "!";
    if (!tag.empty() && tag != "!" && tag != "?") refuse(mark, fmt::format("tags ({}) are not supported", tag), "leave the tag out");
    const bool is_null = !node.quoted && (value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL");
    node.kind = is_null ? YamlNode::Kind::null : YamlNode::Kind::scalar;
    node.text = value;
    leaf(mark, anchor, std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

  YamlNode root;
  Diagnostics problems;

 private:
  struct Level {
    YamlNode node;
    bool has_key = false;
    std::string key;
    SourceLocation key_where;
  };

  SourceLocation place(const YAML::Mark& mark) const { return {origin_, mark.line + 1, mark.column + 1}; }
  void refuse(const YAML::Mark& mark, std::string message, std::string hint) {
    problems.error(place(mark), std::move(message), std::move(hint), lines_.at(mark.line + 1));
  }
  void check_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors (&name) are not supported", "leave the anchor out and write values where they are used");
  }
  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode node) {
    check_anchor(mark, anchor);
    node.where = place(mark);
    add(std::move(node));
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    check_anchor(mark, anchor);
    if (levels_.size() == kMaxDepth) refuse(mark, fmt::format("nested more than {} levels deep", kMaxDepth), {});
    Level level;
    level.node.kind = kind;
    level.node.where = place(mark);
    levels_.push_back(std::move(level));
  }
  void close() {
    YamlNode node = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(node));
  }
  void add(YamlNode node) {
    if (levels_.empty()) { root = std::move(node); return; }
    Level& level = levels_.back();
    if (levels_.size() > kMaxDepth) return;  // reported; keep no deep tree
    if (level.node.kind == YamlNode::Kind::list) { level.node.items.push_back(std::move(node)); return; }
    if (!level.has_key) { take_key(level, node); return; }
    level.has_key = false;
    level.node.entries.push_back({level.key, level.key_where, std::move(node)});
  }
  void take_key(Level& level, const YamlNode& node) {
    level.has_key = true;
    level.key = node.text;
    level.key_where = node.where;
    const std::string line = lines_.at(node.where.line);
    if (node.kind != YamlNode::Kind::scalar) {
      problems.error(node.where, "a key must be a plain word", {}, line);
    } else if (node.text == "<<") {
      problems.error(node.where, "merge keys (<<) are not supported", "write the values out", line);
    } else if (const YamlNode* before = level.node.find(node.text)) {
      problems.error(node.where, fmt::format("key '{}' appears twice; first in line {}", node.text, before->where.line),
                     "keep one of them", line);
    }
  }

  std::string origin_;
  const SourceLines& lines_;
  std::vector<Level> levels_;
};

Diagnostics refusal(const std::string& origin, int line, int column, std::string message, std::string hint, const SourceLines& lines) {
  Diagnostics problems;
  problems.error({origin, line, column}, std::move(message), std::move(hint), lines.at(line));
  return problems;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return at == entries.end() ? nullptr : &at->value;
}

YamlNode* YamlNode::find(std::string_view key) { return const_cast<YamlNode*>(std::as_const(*this).find(key)); }

SourceLines::SourceLines(std::string_view text) {
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines_.push_back(std::move(line));
  }
}

std::string SourceLines::at(int line) const {
  return line >= 1 && static_cast<std::size_t>(line) <= lines_.size() ? lines_[static_cast<std::size_t>(line) - 1] : std::string{};
}

Result<YamlNode> parse_yaml(const std::string& text, const std::string& origin) {
  const SourceLines lines(text.substr(0, std::min(text.size(), kMaxBytes)));
  if (text.size() > kMaxBytes) return refusal(origin, 0, 0, "the file is larger than 4 MiB", "is this a scenario?", lines);
  if (const auto at = text.find('\0'); at != std::string::npos) {
    const auto line = static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
    return refusal(origin, line, 0, "a NUL byte: this is not a text file", "scenarios are YAML text", SourceLines(""));
  }
  TreeBuilder builder(origin, lines);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder rest(origin, lines);
    if (parser.HandleNextDocument(rest)) {
      builder.problems.error({origin, rest.root.where.line, rest.root.where.column}, "a second document; one file holds one scenario",
                             "remove the '---' and what follows it", lines.at(rest.root.where.line));
    }
  } catch (const YAML::Exception& e) {
    Diagnostics problems = builder.problems;
    problems.error({origin, e.mark.line + 1, e.mark.column + 1}, fmt::format("not valid YAML: {}", e.msg), {}, lines.at(e.mark.line + 1));
    return problems;
  }
  if (builder.problems.has_errors()) return builder.problems;
  return std::move(builder.root);
}

std::string to_flow(const YamlNode& node) {
  const auto quote = [](const std::string& s) {
    std::string text = "\"";
    for (const char c : s) {
      if (c == '"' || c == '\\') text += '\\';
      if (c == '\n') text += "\\n";
      else text += c;
    }
    return text + "\"";
  };
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::null: return "null";
    case YamlNode::Kind::scalar: {
      const bool plain = !node.quoted && node.text.find_first_of(",:{}[]#\"'\n") == std::string::npos;
      return plain ? node.text : quote(node.text);
    }
    case YamlNode::Kind::list:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + to_flow(item);
      return "[" + text + "]";
    case YamlNode::Kind::map:
      for (const auto& e : node.entries) text += (text.empty() ? "" : ", ") + quote(e.key) + ": " + to_flow(e.value);
      return "{" + text + "}";
  }
  return text;
}

}  // namespace foretoken
