// A YAML document as a tree that knows where everything stands. Strict: one document, no
// repeated keys, no anchors or aliases (so no cycles), limited depth and size.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foretoken/base/result.hpp"

namespace foretoken {

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  struct Entry;

  Kind kind = Kind::null;
  std::string text;     // of a scalar
  bool quoted = false;  // "5" is text, 5 is a number
  SourceLocation where;
  std::vector<YamlNode> items;  // of a list
  std::vector<Entry> entries;   // of a map, in order

  // The value of a key of a map; null when absent.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  [[nodiscard]] YamlNode* find(std::string_view key);
};

struct YamlNode::Entry {
  std::string key;
  SourceLocation where;  // of the key
  YamlNode value;
};

// The lines of a source, for carets.
class SourceLines {
 public:
  explicit SourceLines(std::string_view text);
  [[nodiscard]] std::string at(int line) const;  // empty when there is none

 private:
  std::vector<std::string> lines_;
};

// An empty document is a null node. `origin` names the source in diagnostics.
[[nodiscard]] Result<YamlNode> parse_yaml(const std::string& text, const std::string& origin);

// One line of YAML in flow style that reads back as the same tree.
[[nodiscard]] std::string to_flow(const YamlNode& node);

}  // namespace foretoken
