// Draft 2020-12, of which little is needed.
#include "report/shape/shape.hpp"

#include <fmt/format.h>

namespace foretoken::shape {
namespace {

Json typed(const char* type) {
  Json json = Json::object();
  json["type"] = type;
  return json;
}

Json typed_or_null(const char* type) {
  Json json = Json::object();
  json["type"] = Json(Json::Array{Json(type), Json("null")});
  return json;
}

void add(Json& object, Json& required, const Key& key) {
  const bool optional = key.name.ends_with('?');
  const std::string name = optional ? key.name.substr(0, key.name.size() - 1) : key.name;
  object["properties"][name] = key.shape;
  if (!optional) required.push_back(name);
}

}  // namespace

Json any() {
  return Json::object();
}
Json text() {
  return typed("string");
}
Json flag() {
  return typed("boolean");
}
Json count() {
  return typed("integer");
}
Json figure() {
  return typed_or_null("number");
}

Json constant(std::string_view word) {
  Json json = Json::object();
  json["const"] = word;
  return json;
}

Json one_of(const std::vector<std::string_view>& words) {
  Json json = Json::object();
  for (const std::string_view word : words) json["enum"].push_back(word);
  return json;
}

Json list_of(Json element) {
  Json json = typed("array");
  json["items"] = std::move(element);
  return json;
}

Json map_of(Json value) {
  Json json = typed("object");
  json["additionalProperties"] = std::move(value);
  return json;
}

Json either(const std::vector<Json>& shapes) {
  Json json = Json::object();
  for (const Json& shape : shapes) json["anyOf"].push_back(shape);
  return json;
}

Json or_null(Json shape) {
  const std::string* type = shape["type"].if_string();
  if (type == nullptr) return either({std::move(shape), typed("null")});
  shape["type"] = Json(Json::Array{Json(*type), Json("null")});
  return shape;
}

Json ref(std::string_view definition) {
  Json json = Json::object();
  json["$ref"] = fmt::format("#/$defs/{}", definition);
  return json;
}

Json described(Json shape, std::string_view meaning) {
  shape["description"] = meaning;
  return shape;
}

Json object(const Keys& keys) {
  Json json = typed("object"), required = Json::array();
  json["properties"] = Json::object();
  for (const Key& key : keys) add(json, required, key);
  if (!required.if_array()->empty()) json["required"] = std::move(required);
  json["additionalProperties"] = false;
  return json;
}

Json object_when(const Keys& keys, std::string_view flag, const Keys& then) {
  Json json = object(keys), required = Json::array();
  for (const Key& key : then) add(json, required, key);
  json["if"]["properties"][flag]["const"] = true;
  json["if"]["required"].push_back(flag);
  json["then"]["required"] = std::move(required);
  return json;
}

}  // namespace foretoken::shape
