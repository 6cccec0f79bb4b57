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

// A fallback and why it holds.
template <class T>
struct Fallback {
  T value{};
  Origin origin = Origin::default_value;
  std::string reason = {};
};

class Resolver {
 public:
  // Checks every key of `root` against the table and parses its value; the problems are
  // collected in diagnostics(). `text` is the scenario file's, `origin` its name.
  Resolver(const YamlNode& root, const std::string& text, std::string origin);

  [[nodiscard]] bool given(const std::string& path) const { return values_.count(path) > 0; }
  [[nodiscard]] const YamlNode* node(const std::string& path) const;

  // The given value, or the fallback; recorded either way.
  std::int64_t integer(const std::string& path, const Fallback<std::int64_t>& fallback);
  double number(const std::string& path, const Fallback<double>& fallback);
  double quantity(const std::string& path, const Fallback<double>& fallback);  // SI
  Duration duration(const std::string& path, Duration fallback = {});
  bool flag(const std::string& path, const Fallback<bool>& fallback);
  std::string text(const std::string& path, const Fallback<std::string>& fallback);
  // Nothing is recorded when absent.
  std::optional<std::int64_t> maybe_integer(const std::string& path);
  std::optional<double> maybe_number(const std::string& path);
  std::optional<double> maybe_quantity(const std::string& path);
  std::optional<std::string> maybe_text(const std::string& path);
  std::vector<std::string> texts(const std::string& path);
  std::vector<double> numbers(const std::string& path);
  [[nodiscard]] std::size_t count(const std::string& list_path) const;  // elements of a list of maps

  // For values read by hand.
  void record(const std::string& path, Json value, Origin origin, std::string reason = {});
  void record_given(const std::string& path);
  // At the value, at its closest given parent, or at the file.
  void error(const std::string& path, std::string message, std::string hint = {});
  void warning(const std::string& path, std::string message, std::string hint = {});
  void error_at(const SourceLocation& where, std::string message, std::string hint = {});
  // A file named in a value: relative to the scenario's folder, or to the current one under --set.
  [[nodiscard]] std::string path_of(const std::string& path, const std::string& file) const;

  [[nodiscard]] Diagnostics& diagnostics() { return diagnostics_; }
  // In the table's order.
  [[nodiscard]] std::vector<ResolvedField> fields() const;

 private:
  using Parsed = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>, std::vector<double>>;
  struct Value {
    const Field* field;
    const YamlNode* node;
    Parsed parsed;
  };

  void walk(const YamlNode& map, const std::string& prefix);
  void take(const Field& field, const YamlNode& node, const std::string& path);
  void unknown(const YamlNode::Entry& entry, const std::string& prefix);
  [[nodiscard]] Parsed parse(const Field& field, const YamlNode& node, const std::string& path);
  [[nodiscard]] Parsed parse_number_of(const Field& field, const YamlNode& node, const std::string& path);
  [[nodiscard]] Parsed parse_choice(const Field& field, const YamlNode& node, const std::string& path);
  [[nodiscard]] bool in_range(const Field& field, double value, const YamlNode& node, const std::string& path);
  template <class T>
  std::optional<T> find(const std::string& path);
  [[nodiscard]] SourceLocation where(const std::string& path) const;

  SourceLines lines_;
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
