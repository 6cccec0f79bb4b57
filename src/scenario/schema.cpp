// The JSON Schema of scenario files from the field table: it accepts what the reader accepts,
// other spellings included.
#include <cmath>
#include <limits>

#include "base/csv.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "scenario/field_table.hpp"

namespace foretoken {
namespace {

Json list_of(std::initializer_list<Json> values) {
  Json list = Json::array();
  for (const Json& v : values) list.push_back(v);
  return list;
}

// A JSON value of the field's own type.
Json default_of(const Field& field) {
  const std::string text(field.default_text);
  double number = 0;
  std::int64_t whole = 0;
  if (field.kind == FieldKind::flag) return text == "true";
  if ((field.kind == FieldKind::integer || field.kind == FieldKind::lengths) && parse_number(text, whole)) return whole;
  if (field.kind == FieldKind::number && parse_number(text, number)) return number;
  return text;
}

Json choices_of(const Field& field) {
  Json list = Json::array();
  for (const std::string_view c : field.choices()) {
    list.push_back(c);
    // YAML reads `version: 1` and `0.19` as numbers.
    double number = 0;
    if (parse_number(c, number)) list.push_back(number);
  }
  if (field.nullable) list.push_back(nullptr);
  return list;
}

void add_number(Json& node, const Field& field) {
  Json finite = Json::object();
  Json& at = field.infinite ? finite : node;
  const char* type = field.kind == FieldKind::integer ? "integer" : "number";
  at["type"] = field.nullable ? list_of({type, "null"}) : Json(type);
  at["minimum"] = field.least;
  if (!std::isinf(field.most)) at["maximum"] = field.most;
  if (!field.infinite) return;
  // Infinity is a word in JSON, and a number above all others in YAML.
  Json words = Json::object(), infinity = Json::object();
  words["enum"] = list_of({"inf", ".inf", "Inf", ".Inf"});
  infinity["exclusiveMinimum"] = std::numeric_limits<double>::max();
  node["anyOf"] = list_of({finite, words, infinity});
}

// Only zero goes without a unit.
void add_quantity(Json& node) {
  Json text = Json::object(), zero = Json::object();
  text["type"] = "string";
  zero["const"] = 0;
  node["anyOf"] = list_of({text, zero});
}

// Keys of real engines without counterpart may stand there if they ask for nothing.
void close_object(Json& node) {
  node["additionalProperties"] = false;
  std::string names;
  for (const UnmodelledKey& known : unmodelled_keys()) {
    if (!names.empty()) names += '|';
    names += known.key;
  }
  node["patternProperties"]["^(" + names + ")$"]["enum"] = list_of({nullptr, false, 0, "false", "0"});
}

void add_type(Json& node, const Field& field) {
  switch (field.kind) {
    case FieldKind::flag:
      node["type"] = "boolean";
      return;
    case FieldKind::integer:
    case FieldKind::number:
      add_number(node, field);
      return;
    case FieldKind::quantity:
      add_quantity(node);
      return;
    case FieldKind::choice:
      node["enum"] = choices_of(field);
      return;
    case FieldKind::text:
      node["type"] = list_of({"string", "number", "boolean"});
      return;
    case FieldKind::lengths:
      node["type"] = list_of({"integer", "object"});
      return;
    case FieldKind::price:
      node["type"] = list_of({"number", "object"});
      return;
    case FieldKind::model:
    case FieldKind::gpu:
      node["type"] = list_of({"string", "object"});
      return;
    case FieldKind::list_of_text:
      node["type"] = list_of({"array", "string", "null"});
      node["items"]["type"] = "string";
      return;
    case FieldKind::list_of_numbers:
      node["type"] = "array";
      node["items"]["type"] = "number";
      node["items"]["minimum"] = field.least;
      if (!std::isinf(field.most)) node["items"]["maximum"] = field.most;
      node["minItems"] = 1;
      return;
    case FieldKind::list_of_maps:
      node["type"] = "array";
      node["minItems"] = 1;
      node["items"]["type"] = "object";
      close_object(node["items"]);
      return;
    case FieldKind::map:
      node["type"] = list_of({"object", "null"});
      close_object(node);
      return;
    case FieldKind::anything:
      node["type"] = list_of({"object", "array"});
      return;
  }
}

Json schema_of(const Field& field) {
  Json node = Json::object();
  node["description"] = std::string(field.meaning);
  if (field.has_plain_default()) node["default"] = default_of(field);
  add_type(node, field);
  return node;
}

// The object in which a field's key stands.
Json& parent_in(Json& root, std::string& path) {
  Json* at = &root;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.')) {
    std::string step = path.substr(0, dot);
    path.erase(0, dot + 1);
    const bool list = step.ends_with("[]");
    if (list) step.resize(step.size() - 2);
    at = &(*at)["properties"][step];
    if (list) at = &(*at)["items"];
  }
  return *at;
}

}  // namespace

Json scenario_schema() {
  Json root = Json::object();
  root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  root["title"] = "Foretoken scenario";
  root["type"] = "object";
  close_object(root);
  // Only affine costs do without hardware and model.
  Json physical = Json::object(), affine = Json::object();
  physical["required"] = list_of({"model", "hardware"});
  affine["required"] = list_of({"cost"});
  // Pools may bring hardware of their own.
  Json pooled = Json::object();
  pooled["required"] = list_of({"pools"});
  root["anyOf"] = list_of({physical, affine, pooled});
  for (const Field& field : scenario_fields()) {
    std::string key(field.path);
    Json& parent = parent_in(root, key);
    const Json schema = schema_of(field);
    parent["properties"][key] = schema;
    for (std::string_view rest = field.aliases; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      parent["properties"][rest.substr(0, comma)] = schema;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  for (const std::string_view map : kPoolMaps) {
    const Json keys = root["properties"][map]["properties"];
    root["properties"]["pools"]["items"]["properties"][map]["properties"] = keys;
  }
  return root;
}

}  // namespace foretoken
