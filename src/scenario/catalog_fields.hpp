// Typed, strict access to the keys of a catalog file: every problem gets its line and
// column, and a key that nobody asked for is a problem.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "scenario/yaml_tree.hpp"

namespace foretoken {

class CatalogDocument;

class CatalogFields {
 public:
  CatalogFields(CatalogDocument& document, const YamlNode& node) : document_(&document), node_(&node) {}

  [[nodiscard]] bool has(std::string_view key) const;
  // Nothing when absent or, after reporting it, when wrong.
  [[nodiscard]] std::optional<double> quantity(std::string_view key, Dimension dimension, double most);
  [[nodiscard]] std::optional<double> number(std::string_view key, double least, double most);
  [[nodiscard]] std::optional<int> count(std::string_view key, int least, int most);
  [[nodiscard]] std::optional<bool> flag(std::string_view key);
  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);
  [[nodiscard]] std::optional<CatalogFields> object(std::string_view key);
  [[nodiscard]] std::optional<CatalogFields> required_object(std::string_view key, std::string_view meaning);

  // Written in a scenario, not in a file of the catalog.
  [[nodiscard]] bool is_inline() const;
  void missing(std::string_view key, std::string_view meaning);
  // At the key's value, or at the mapping when the key is absent.
  void error(std::string_view key, const std::string& message, const std::string& hint = {});
  // To be called last: whatever was not read is unknown.
  void refuse_others();

 private:
  [[nodiscard]] const YamlNode* child(std::string_view key);

  CatalogDocument* document_;
  const YamlNode* node_;
  std::vector<std::string> read_;
};

class CatalogDocument {
 public:
  explicit CatalogDocument(const Catalog::File& file);
  // Figures written inside another document; `node` must outlive this.
  explicit CatalogDocument(const YamlNode& node) : origin_(node.where.file), root_(&node) {}
  CatalogDocument(const CatalogDocument&) = delete;
  CatalogDocument& operator=(const CatalogDocument&) = delete;

  // False when the text is not one YAML mapping; see the problems.
  [[nodiscard]] bool valid() const { return root_ != nullptr; }
  [[nodiscard]] bool is_inline() const { return text_ == nullptr; }
  [[nodiscard]] CatalogFields root() { return {*this, *root_}; }
  // In the file's order.
  [[nodiscard]] Diagnostics problems() const;

 private:
  friend class CatalogFields;
  void error(const SourceLocation& where, std::string message, std::string hint = {});

  std::string origin_;
  const std::string* text_ = nullptr;
  YamlNode tree_;
  const YamlNode* root_ = nullptr;
  Diagnostics diagnostics_;
};

}  // namespace foretoken
