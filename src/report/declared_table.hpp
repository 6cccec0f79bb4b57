// A table declared once: what a row says in a document, and what it says on the terminal.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foretoken/base/json.hpp"
#include "report/common.hpp"
#include "report/layout.hpp"
#include "report/shape/shape.hpp"

namespace foretoken {

template <class Row>
class DeclaredTable {
 public:
  // How a cell stands: its digit of importance (`TextTable`) and its side.
  struct Place {
    char importance = '0';
    char side = 'r';
  };

  // Of the document alone. `value` is a member or a function of the row; an empty optional leaves the key out.
  template <class Value>
  DeclaredTable& entry(std::string key, Value value) {
    using Kind = std::decay_t<std::invoke_result_t<Value, const Row&>>;
    return entry(std::move(key), value, shape::of_type<Kind>());
  }
  // ... where the schema cannot tell from the value's type what the document may hold.
  template <class Value>
  DeclaredTable& entry(std::string key, Value value, Json shape) {
    using Kind = std::decay_t<std::invoke_result_t<Value, const Row&>>;
    keys_.push_back({shape::IsOptional<Kind>::value ? key + "?" : key, std::move(shape)});
    entries_.push_back({std::move(key), [value](const Row& row) { return optional(std::invoke(value, row)); }});
    return *this;
  }
  // Of the terminal alone.
  DeclaredTable& cell(std::string heading, Place place, std::function<std::string(const Row&)> text) {
    headings_.push_back(std::move(heading));
    importance_ += place.importance;
    sides_ += place.side;
    cells_.push_back(std::move(text));
    return *this;
  }
  // Of both: a figure and how people read it.
  template <class Value, class Shown>
  DeclaredTable& column(std::string key, std::string heading, Place place, Value value, Shown shown) {
    entry(std::move(key), value);
    return cell(std::move(heading), place, [=](const Row& row) { return std::string(shown(std::invoke(value, row))); });
  }
  template <class Value>
  DeclaredTable& column(std::string key, std::string heading, Place place, Value value) {
    return column(std::move(key), std::move(heading), place, value, [](const auto& v) { return readable(v); });
  }

  [[nodiscard]] Json document(const Row& row) const {
    Json json = Json::object();
    for (const auto& [key, value] : entries_) {
      if (std::optional<Json> known = value(row)) json[key] = std::move(*known);
    }
    return json;
  }
  template <class Rows>
  [[nodiscard]] Json documents(const Rows& rows) const {
    Json list = Json::array();
    for (const Row& row : rows) list.push_back(document(row));
    return list;
  }

  // What document() makes.
  [[nodiscard]] Json shape() const { return shape::object(keys_); }

  // With a row of headings; a caller may add rows of its own.
  template <class Rows>
  [[nodiscard]] TextTable table(const Rows& rows) const {
    TextTable table(sides_, importance_);
    table.row(headings_);
    for (const Row& row : rows) {
      std::vector<std::string> cells;
      for (const auto& text : cells_) cells.push_back(text(row));
      table.row(std::move(cells));
    }
    return table;
  }

 private:
  static std::optional<Json> optional(std::optional<Json> value) { return value; }

  std::vector<std::pair<std::string, std::function<std::optional<Json>(const Row&)>>> entries_;
  shape::Keys keys_;
  std::vector<std::string> headings_;
  std::string importance_, sides_;
  std::vector<std::function<std::string(const Row&)>> cells_;
};

}  // namespace foretoken
