// A resolved scenario as JSON, its hash, and the reference from the field table.
#include <fmt/format.h>

#include <cmath>

#include "base/csv.hpp"
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
    case FieldKind::price:
      return "number, or map of numbers";
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

std::string scenario_reference() {
  std::string text =
      "# Scenario reference\n\n"
      "Generated from the field table by `foretoken schema --format markdown`; a test keeps it current. Conventional "
      "keys "
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
