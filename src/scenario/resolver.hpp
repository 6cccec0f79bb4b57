// The values of one scenario: checked against the field table, completed with defaults, each
// remembered with where it came from.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/field_table.hpp"
#include "scenario/yaml_tree.hpp"

namespace foretoken {

// What holds when nothing is given, and why: a rule of the engine, the model or the GPU.
template <class T>
struct Rule {
  T value{};
  Origin origin = Origin::derived;
  std::string reason = {};
};

class Resolver {
 public:
  // Checks every key of `root` against the table and parses its value; the problems are
  // collected in diagnostics(). `text` is the scenario file's, `origin` its name.
  Resolver(const YamlNode& root, const std::string& text, std::string origin);
  // The axes of the command line, for carets.
  void show_axes(const std::vector<std::string>& over);

  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] bool given(const std::string& path) const { return values_.contains(path); }
  // For values read by hand; counts as read.
  [[nodiscard]] const YamlNode* node(const std::string& path);

  // The given value, or the table's default; recorded either way.
  std::int64_t integer(const std::string& path) { return value_or_default<std::int64_t>(path); }
  double number(const std::string& path) { return value_or_default<double>(path); }
  double quantity(const std::string& path) { return value_or_default<double>(path); }  // SI
  Duration duration(const std::string& path) { return duration_from_seconds(quantity(path)); }
  bool flag(const std::string& path) { return value_or_default<bool>(path); }
  std::string text(const std::string& path) { return value_or_default<std::string>(path); }
  // The given value, or what the rule says; recorded either way.
  std::int64_t integer(const std::string& path, const Rule<std::int64_t>& rule) { return value_or_rule(path, rule); }
  double number(const std::string& path, const Rule<double>& rule) { return value_or_rule(path, rule); }
  double quantity(const std::string& path, const Rule<double>& rule) { return value_or_rule(path, rule); }
  bool flag(const std::string& path, const Rule<bool>& rule) { return value_or_rule(path, rule); }
  std::string text(const std::string& path, const Rule<std::string>& rule) { return value_or_rule(path, rule); }
  // Nothing is recorded when absent.
  std::optional<std::int64_t> maybe_integer(const std::string& path) { return find<std::int64_t>(path); }
  std::optional<double> maybe_number(const std::string& path) { return find<double>(path); }
  std::optional<double> maybe_quantity(const std::string& path) { return find<double>(path); }
  std::optional<std::string> maybe_text(const std::string& path) { return find<std::string>(path); }
  std::vector<std::string> texts(const std::string& path) {
    return find<std::vector<std::string>>(path).value_or(std::vector<std::string>{});
  }
  std::vector<double> numbers(const std::string& path) {
    return find<std::vector<double>>(path).value_or(std::vector<double>{});
  }
  [[nodiscard]] std::size_t count(const std::string& list_path) const;  // elements of a list of maps

  // For values read by hand.
  void record(const std::string& path, Json value, Origin origin, std::string reason = {});
  void record_given(const std::string& path);
  // What was resolved elsewhere, under this path.
  void adopt(ResolvedField field);
  // At the value, at its closest given parent, or at the file.
  void error(const std::string& path, std::string message, std::string hint = {});
  void warning(const std::string& path, std::string message, std::string hint = {});
  void error_at(const SourceLocation& where, std::string message, std::string hint = {});
  // A file named in a value: relative to the scenario's folder, or to the current one under --set.
  [[nodiscard]] std::string path_of(const std::string& path, const std::string& file) const;

  [[nodiscard]] Diagnostics& diagnostics() { return diagnostics_; }
  // Given keys that nothing asked for: no key is silently ignored.
  [[nodiscard]] std::vector<std::string> unread() const;
  void mark_read(const std::string& path);
  // The value and all that stands in it.
  void mark_tree_read(const std::string& path);
  // In the table's order.
  [[nodiscard]] std::vector<ResolvedField> fields() const;

  // Is this a value that the field could hold? Otherwise reported at the node.
  bool accepts(const Field& field, const YamlNode& node);

 private:
  using Parsed = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>,
                              std::vector<double>>;
  struct Value {
    const Field* field;
    const YamlNode* node;
    Parsed parsed;
    bool read = false;
  };

  // So many problems that more of them help nobody: a file of junk ends here.
  [[nodiscard]] bool is_hopeless() const { return diagnostics_.items().size() >= 100; }
  void walk(const YamlNode& map, const std::string& prefix);
  void take(const Field& field, const YamlNode& node, const std::string& path);
  void unknown(const YamlNode::Entry& entry, const std::string& prefix);
  [[nodiscard]] Parsed parse(const Field& field, const YamlNode& node, const std::string& path);
  [[nodiscard]] Parsed parse_number_of(const Field& field, const YamlNode& node, const std::string& path);
  [[nodiscard]] Parsed parse_choice(const Field& field, const YamlNode& node, const std::string& path);
  [[nodiscard]] bool in_range(const Field& field, double value, const YamlNode& node, const std::string& path);
  template <class T>
  std::optional<T> find(const std::string& path);
  template <class T>
  T value_or_default(const std::string& path);
  template <class T>
  T value_or_rule(const std::string& path, const Rule<T>& rule);
  [[nodiscard]] SourceLocation where(const std::string& path) const;
  [[nodiscard]] std::string source_line(const SourceLocation& at) const;

  SourceLines lines_;
  SourceLines over_lines_{""};
  std::string origin_;
  std::map<std::string, Value> values_;
  std::map<std::string, ResolvedField> resolved_;
  Diagnostics diagnostics_;
};

// Scalars as numbers, booleans or strings, the way the scenario spells them.
[[nodiscard]] Json json_of(const YamlNode& node);
// Plain integers and decimals only: no octal, hex, underscores or sexagesimals; .inf when allowed.
[[nodiscard]] bool plain_number(const YamlNode& node, double& out);

}  // namespace foretoken
