// yaml-cpp's event stream into a tree, with the strictness that its own tree lacks.
#include "scenario/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/visible.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::size_t kMaxDepth = 64;
// Far beyond any real scenario; a file of nothing but keys stays quick to refuse.
constexpr int kMaxNodes = 100'000;
constexpr std::size_t kMaxProblems = 50;

// Ends the parse: more of this file would tell the user nothing new.
struct Enough {};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string origin, const SourceLines& lines) : origin_(std::move(origin)), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark& mark) override { start = place(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*name) are not supported", "write the value out");
    leaf(mark, 0, {});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.quoted = tag == "!";
    check_tag(mark, tag);
    check_controls(mark, value);
    const bool is_null =
        !node.quoted && (value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL");
    node.kind = is_null ? YamlNode::Kind::null : YamlNode::Kind::scalar;
    node.text = value;
    leaf(mark, anchor, std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

  YamlNode root;
  SourceLocation start;
  Diagnostics problems;

 private:
  struct Level {
    YamlNode node;
    std::set<std::string> keys;
    bool has_key = false;
    std::string key;
    SourceLocation key_where;
  };

  SourceLocation place(const YAML::Mark& mark) const { return {origin_, mark.line + 1, mark.column + 1}; }
  void refuse(const YAML::Mark& mark, std::string message, std::string hint) {
    complain(place(mark), std::move(message), std::move(hint));
  }
  void complain(const SourceLocation& where, std::string message, std::string hint) {
    problems.error(where, std::move(message), std::move(hint), lines_.at(where.line));
    if (problems.items().size() >= kMaxProblems) throw Enough{};
  }
  void count_node(const YAML::Mark& mark) {
    if (++nodes_ <= kMaxNodes) return;
    refuse(mark, fmt::format("more than {} values", kMaxNodes), "is this a scenario?");
    throw Enough{};
  }
  // The library marks what has no tag with "?", and quoted text with "!".
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "!" && tag != "?")
      refuse(mark, fmt::format("tags ({}) are not supported", tag), "leave the tag out");
  }
  // Names and descriptions are shown on terminals. "\r\n" is a line break.
  void check_controls(const YAML::Mark& mark, const std::string& value) {
    for (auto at = find_control(value); at != std::string::npos; at = find_control(value, at + 1)) {
      if (value[at] == '\r' && at + 1 < value.size() && value[at + 1] == '\n') continue;
      refuse(mark, fmt::format("a control character in a value: {}", visible(value.substr(0, at + 2))), "leave it out");
      return;
    }
  }
  void check_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      refuse(mark, "anchors (&name) are not supported", "leave the anchor out and write values where they are used");
  }
  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode node) {
    count_node(mark);
    check_anchor(mark, anchor);
    node.where = place(mark);
    add(std::move(node));
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    count_node(mark);
    check_anchor(mark, anchor);
    if (levels_.size() == kMaxDepth) {
      refuse(mark, fmt::format("nested more than {} levels deep", kMaxDepth), {});
      throw Enough{};
    }
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
    if (levels_.empty()) {
      root = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::list) {
      level.node.items.push_back(std::move(node));
      return;
    }
    if (!level.has_key) {
      take_key(level, node);
      return;
    }
    level.has_key = false;
    // The library puts an absent value at the next token, lines away.
    if (node.kind == YamlNode::Kind::null) node.where = level.key_where;
    level.node.entries.push_back({level.key, level.key_where, std::move(node)});
  }
  void take_key(Level& level, const YamlNode& node) {
    level.has_key = true;
    level.key = node.text;
    level.key_where = node.where;
    if (node.kind != YamlNode::Kind::scalar || node.text.find('\n') != std::string::npos) {
      complain(node.where, "a key must be a plain word", {});
    } else if (node.text == "<<") {
      complain(node.where, "merge keys (<<) are not supported", "write the values out");
    } else if (!level.keys.insert(node.text).second) {
      complain(
          node.where,
          fmt::format("key '{}' appears twice; first in line {}", node.text, level.node.find(node.text)->where.line),
          "keep one of them");
    }
  }

  std::string origin_;
  const SourceLines& lines_;
  std::vector<Level> levels_;
  int nodes_ = 0;
};

// The first byte that is not UTF-8, or npos. Overlong forms and surrogates pass: they harm nobody here.
std::size_t find_bad_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80         ? 1
                               : lead >> 5 == 0x6  ? 2
                               : lead >> 4 == 0xe  ? 3
                               : lead >> 3 == 0x1e ? 4
                                                   : 0;
    if (length == 0 || i + length > text.size()) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

int line_of(std::string_view text, std::size_t at) {
  return static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
}

Diagnostics refusal(const std::string& origin, int line, int column, std::string message, std::string hint,
                    const SourceLines& lines) {
  Diagnostics problems;
  problems.error({origin, line, column}, std::move(message), std::move(hint), lines.at(line));
  return problems;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return at == entries.end() ? nullptr : &at->value;
}

YamlNode* YamlNode::find(std::string_view key) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): this node is not const
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

SourceLines::SourceLines(std::string_view text) {
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines_.push_back(std::move(line));
  }
}

std::string SourceLines::at(int line) const {
  return line >= 1 && static_cast<std::size_t>(line) <= lines_.size() ? lines_[static_cast<std::size_t>(line) - 1]
                                                                      : std::string{};
}

namespace {

// What needs no parser: size, binary files, other encodings.
Diagnostics check_text(const std::string& text, const std::string& origin) {
  const SourceLines none("");
  if (text.size() > kMaxBytes)
    return refusal(origin, 0, 0, "the file is larger than 4 MiB", "is this a scenario?", none);
  if (const auto at = text.find('\0'); at != std::string::npos) {
    return refusal(origin, line_of(text, at), 0, "a NUL byte: this is not a text file", "scenarios are YAML in UTF-8",
                   none);
  }
  if (const auto at = find_bad_utf8(text); at != std::string::npos) {
    return refusal(origin, line_of(text, at), 0, "bytes that are not UTF-8 text", "save the file as UTF-8", none);
  }
  return {};
}

// The column of a tab among the blanks a line begins with, from 1; 0 = none.
int tab_in_indentation(const std::string& line) {
  const auto begin = line.find_first_not_of(' ');
  return begin != std::string::npos && line[begin] == '\t' ? static_cast<int>(begin) + 1 : 0;
}

// yaml-cpp's messages for the two commonest slips do not say what to do.
std::string syntax_hint(const SourceLines& lines, int at) {
  if (tab_in_indentation(lines.at(at)) > 0) return "indent with spaces: YAML allows no tabs there";
  for (const int n : {at, at - 1}) {
    const std::string candidate = lines.at(n);
    const auto colon = candidate.find(':');
    const bool glued = colon != std::string::npos && colon + 1 < candidate.size() && candidate[colon + 1] != ' ';
    if (glued) return fmt::format("line {}: a colon needs a blank after it", n);
  }
  return {};
}

void parse_into(TreeBuilder& builder, const std::string& text, const std::string& origin, const SourceLines& lines) {
  // A comment behind the text: the library takes a line break at its end for the end of a quoted value.
  const bool quotes = text.find_first_of("\"'") != std::string::npos;
  std::istringstream stream(quotes ? text + "\n#" : text);
  YAML::Parser parser(stream);
  parser.HandleNextDocument(builder);
  TreeBuilder rest(origin, lines);
  if (!parser.HandleNextDocument(rest)) return;
  builder.problems.error(rest.start, "a second document; one file holds one scenario",
                         "remove the '---' and what follows it", lines.at(rest.start.line));
}

}  // namespace

Result<YamlNode> parse_yaml(const std::string& text, const std::string& origin) {
  if (const Diagnostics problems = check_text(text, origin); problems.has_errors()) return problems;
  const SourceLines lines(text);
  TreeBuilder builder(origin, lines);
  try {
    parse_into(builder, text, origin, lines);
  } catch (const YAML::Exception& e) {
    if (e.msg == YAML::ErrorMsg::EOF_IN_SCALAR) {
      builder.problems.error({origin, 0, 0}, "the text ends inside a quoted value", "a quote is never closed");
      return builder.problems;
    }
    const int line = e.mark.line + 1;
    const int tab = tab_in_indentation(lines.at(line));  // yaml-cpp stumbles only later in the line
    builder.problems.error({origin, line, tab > 0 ? tab : e.mark.column + 1}, fmt::format("not valid YAML: {}", e.msg),
                           syntax_hint(lines, line), lines.at(line));
  } catch (const Enough&) {
    // The problems say it.
  }
  if (builder.problems.has_errors()) return builder.problems;
  return std::move(builder.root);
}

namespace {

std::string quoted(const std::string& s) {
  std::string text = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text + "\"";
}

class FlowWriter {
 public:
  void write(const YamlNode& node) {
    switch (node.kind) {
      case YamlNode::Kind::null:
        text += "null";
        return;
      case YamlNode::Kind::scalar:
        text += node.quoted || !is_plain(node.text) ? quoted(node.text) : node.text;
        return;
      case YamlNode::Kind::list:
        text += '[';
        for (const YamlNode& item : node.items) {
          if (&item != &node.items.front()) text += ", ";
          write(item);
        }
        text += ']';
        return;
      case YamlNode::Kind::map:
        text += '{';
        for (const auto& e : node.entries) {
          if (&e != &node.entries.front()) text += ", ";
          text += (is_plain(e.key) ? e.key : quoted(e.key)) + ": ";
          write(e.value);
        }
        text += '}';
        return;
    }
  }

  std::string text;

 private:
  static bool is_plain(const std::string& s) {
    return !s.empty() && s.find_first_of(",:{}[]#\"'\n&*!|>%@`?") == std::string::npos && s.rfind("- ", 0) != 0 &&
           s != "-" && s.front() != ' ' && s.back() != ' ';
  }
};

}  // namespace

std::string to_flow(const YamlNode& node) {
  FlowWriter writer;
  writer.write(node);
  return writer.text;
}

}  // namespace foretoken
