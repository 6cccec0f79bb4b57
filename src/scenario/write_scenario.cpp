// A resolved scenario as JSON, its hash, the JSON Schema and the reference: all from the
// field table.
#include <fmt/format.h>

#include <cmath>

#include "foretoken/base/csv.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "scenario/field_table.hpp"
#include "scenario/sha256.hpp"

namespace foretoken {
namespace {

// "a.b[1].c" as steps: a, b, 1, c.
std::vector<std::string> steps_of(const std::string& path) {
  std::vector<std::string> steps(1);
  for (const char c : path) {
    if (c == '.' || c == '[')
      steps.emplace_back();
    else if (c != ']')
      steps.back() += c;
  }
  return steps;
}

const char* json_type(FieldKind kind) {
  switch (kind) {
    case FieldKind::flag:
      return "boolean";
    case FieldKind::integer:
      return "integer";
    case FieldKind::map:
      return "object";
    case FieldKind::list_of_maps:
    case FieldKind::list_of_text:
    case FieldKind::list_of_numbers:
      return "array";
    case FieldKind::text:
    case FieldKind::choice:
      return "string";
    default:
      return nullptr;  // several types
  }
}

Json either(std::initializer_list<const char*> types) {
  Json list = Json::array();
  for (const char* t : types) list.push_back(t);
  return list;
}

void add_limits(Json& node, const Field& field) {
  if (field.kind != FieldKind::integer && field.kind != FieldKind::number) return;
  node["minimum"] = field.least;
  if (!std::isinf(field.most)) node["maximum"] = field.most;
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

Json schema_of(const Field& field) {
  Json node = Json::object();
  node["description"] = std::string(field.meaning);
  if (field.has_plain_default()) node["default"] = default_of(field);
  if (field.choices != nullptr) {
    Json list = Json::array();
    for (const std::string_view c : field.choices()) {
      list.push_back(c);
      // YAML reads `version: 1` and `0.19` as numbers.
      double number = 0;
      if (parse_number(c, number)) list.push_back(number);
    }
    if (field.nullable) list.push_back(nullptr);
    node["enum"] = list;
    return node;
  }
  if (const char* type = json_type(field.kind))
    node["type"] = field.nullable ? either({type, "null"}) : Json(type);
  else if (field.kind == FieldKind::quantity || field.kind == FieldKind::number)
    node["type"] = either({"number", "string"});
  else if (field.kind == FieldKind::lengths)
    node["type"] = either({"integer", "object"});
  else if (field.kind == FieldKind::model || field.kind == FieldKind::gpu)
    node["type"] = either({"string", "object"});
  else
    node["type"] = "object";
  if (field.kind == FieldKind::list_of_text) node["type"] = either({"array", "string"});
  add_limits(node, field);
  if (field.kind == FieldKind::list_of_numbers) node["items"]["type"] = "number";
  if (field.kind == FieldKind::map) node["additionalProperties"] = false;
  if (field.kind == FieldKind::list_of_maps) {
    node["items"]["type"] = "object";
    node["items"]["additionalProperties"] = false;
  }
  return node;
}

std::string range_text(const Field& field) {
  const std::string most = std::isinf(field.most) ? "" : fmt::format(" to {:g}", field.most);
  return fmt::format(", {:g}{}{}", field.least, most.empty() ? " or more" : most, field.infinite ? ", or inf" : "");
}

std::string type_text(const Field& field) {
  switch (field.kind) {
    case FieldKind::text:
      return "text";
    case FieldKind::flag:
      return "true, false";
    case FieldKind::integer:
      return "integer" + range_text(field);
    case FieldKind::number:
      return "number" + range_text(field);
    case FieldKind::quantity:
      return fmt::format("with unit ({})", allowed_units(field.dimension));
    case FieldKind::lengths:
      return "tokens or {distribution: ...}";
    case FieldKind::list_of_text:
      return "list of lines";
    case FieldKind::list_of_numbers:
      return "list of numbers";
    case FieldKind::list_of_maps:
      return "list of maps";
    case FieldKind::map:
      return "map";
    case FieldKind::model:
      return "name, path or shape";
    case FieldKind::gpu:
      return "name or figures";
    case FieldKind::anything:
      return "map";
    case FieldKind::choice: {
      std::string text;
      for (const std::string_view c : field.choices()) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", c);
      return text;
    }
  }
  return {};
}

}  // namespace

Json to_json(const Scenario& scenario) {
  Json root = Json::object();
  for (const ResolvedField& field : scenario.fields) {
    Json* at = &root;
    for (const std::string& step : steps_of(field.path)) {
      const bool index = !step.empty() && step.find_first_not_of("0123456789") == std::string::npos;
      if (!index) {
        at = &(*at)[step];
        continue;
      }
      const auto i = static_cast<std::size_t>(std::stoul(step));
      while (at->if_array() == nullptr || at->if_array()->size() <= i) at->push_back(Json{});
      at = const_cast<Json*>(&(*at->if_array())[i]);
    }
    *at = field.value;
  }
  return root;
}

std::string scenario_sha256(const Scenario& scenario) {
  return sha256(to_text(to_json(scenario), 0));
}

Json scenario_schema() {
  Json root = Json::object();
  root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  root["title"] = "Foretoken scenario";
  root["type"] = "object";
  root["additionalProperties"] = false;
  // Only affine costs do without hardware and model.
  Json physical = Json::object(), affine = Json::object();
  physical["required"] = either({"model", "hardware"});
  affine["required"] = either({"cost"});
  root["anyOf"].push_back(physical);
  root["anyOf"].push_back(affine);
  for (const Field& field : scenario_fields()) {
    Json* at = &root;
    std::string path(field.path);
    for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.')) {
      const std::string step = path.substr(0, dot);
      path = path.substr(dot + 1);
      const bool list = step.size() > 2 && step.substr(step.size() - 2) == "[]";
      at = &(*at)["properties"][list ? step.substr(0, step.size() - 2) : step];
      if (list) at = &(*at)["items"];
    }
    (*at)["properties"][path] = schema_of(field);
  }
  return root;
}

std::string scenario_reference() {
  std::string text =
      "# Scenario reference\n\n"
      "Generated from the field table by `foretoken schema --format markdown`; a test keeps it current. Conventional keys "
      "are bare numbers\n"
      "(`request_rate` per second, `goodput` in ms); physical figures carry units (`250 ms`, `80 GiB`, `3.35 TB/s`). "
      "Any key can be\n"
      "set on the command line: `--set engine.max_num_seqs=64`, `--set 'slo=[\"p99_ttft <= 300 ms\"]'`.\n\n"
      "Length distributions: `{distribution: fixed, tokens: 512}`, and likewise `{uniform, min, max}`, `{lognormal, "
      "mu, sigma, min, max}` (of ln tokens),\n"
      "`{zipf, alpha, min, max}`, `{exponential, mean, max}`, `{empirical, tokens: [...], weights: [...]}`.\n\n"
      "A default in parentheses is a rule; `foretoken explain` shows what it comes to, and where every value came "
      "from.\n\n"
      "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const Field& field : scenario_fields()) {
    std::string aliases(field.aliases);
    if (!aliases.empty()) aliases = fmt::format(" Also: {}.", aliases);
    text += fmt::format("| `{}` | {} | {} | {}{} |\n", field.path, type_text(field), field.default_text, field.meaning,
                        aliases);
  }
  return text;
}

}  // namespace foretoken
