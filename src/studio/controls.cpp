// Which keys the page shows, with the values they have now.
#include "studio/controls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/scenario/catalog.hpp"
#include "studio/control_values.hpp"

namespace foretoken {
namespace {

constexpr const char* kPage = "the page";

bool is_length(const Field& field) {
  return field.path == "workload.input_lengths" || field.path == "workload.output_lengths";
}

bool may_be_set(const Field& field) {
  return can_be_moved(field) || is_length(field) || field.path == "hardware.gpu" || field.path == "model" ||
         field.path == "slo";
}

const char* kind_name(const Field& field) {
  switch (field.kind) {
    case FieldKind::flag:
      return "flag";
    case FieldKind::integer:
    case FieldKind::lengths:
      return "integer";
    case FieldKind::number:
      return "number";
    case FieldKind::choice:
    case FieldKind::gpu:
    case FieldKind::model:
      return "choice";
    case FieldKind::list_of_text:
      return "lines";
    default:
      return "text";
  }
}

const Json& value_in(const Scenario& scenario, std::string_view path) {
  static const Json kNone;
  for (const ResolvedField& field : scenario.fields)
    if (field.path == path) return field.value;
  return kNone;
}

// As the control shows it.
Json shown(const Field& field, const Json& value) {
  return is_length(field) && !value.is_null() ? Json(static_cast<std::int64_t>(std::llround(middle_of(value)))) : value;
}

// "max_num_seqs", "gpu".
std::string label_of(std::string_view path) {
  return std::string(path.substr(path.find_last_of('.') + 1));
}

}  // namespace

Result<Controls> Controls::of(const Question& question, const Scenario& scenario) {
  Controls controls(scenario);
  Diagnostics problems;
  controls.read_names(question.options.catalog_dir, problems);
  if (problems.has_errors()) return problems;
  controls.describe();
  return controls;
}

void Controls::read_names(const std::string& catalog_dir, Diagnostics& problems) {
  const Catalog catalog(catalog_dir);
  if (const auto gpus = catalog.gpus()) {
    for (const GpuSpec& gpu : *gpus) names_["hardware.gpu"].push_back(gpu.id);
  } else {
    problems.append(gpus.error());
  }
  if (const auto models = catalog.models()) {
    for (const ModelSpec& model : *models) names_["model"].push_back(model.id);
  } else {
    problems.append(models.error());
  }
  // What the scenario itself names, it may go on naming.
  for (auto& [path, names] : names_) {
    const std::string* now = value_of(path).if_string();
    if (now != nullptr && std::find(names.begin(), names.end(), *now) == names.end()) names.insert(names.begin(), *now);
  }
}

const Json& Controls::value_of(std::string_view path) const {
  return value_in(scenario_, path);
}

Json Controls::values(const Scenario& scenario) const {
  Json values = Json::object();
  for (const char* list : {"groups", "more"}) {
    const Json::Array* entries = document_[list].if_array();
    if (entries == nullptr) continue;
    for (const Json& entry : *entries) {
      const Json::Array* group = entry["controls"].if_array();
      for (const Json& c : group == nullptr ? Json::Array{entry} : *group) {
        const std::string& path = *c["path"].if_string();
        values[path] = shown(*find_field(path), value_in(scenario, path));
      }
    }
  }
  return values;
}

// Either a distribution or a plain number; nothing where lengths come from a file or from classes.
std::string Controls::length_key(const char* map, const char* number) const {
  if (!value_of(map).is_null()) return has_middle(value_of(map)) ? map : "";
  return value_of(number).is_null() ? "" : number;
}

Json Controls::control(const std::string& path) const {
  const Field& field = *find_field(path);
  Json json = Json::object();
  json["path"] = path;
  json["label"] = label_of(path);
  json["meaning"] = field.meaning;
  json["kind"] = kind_name(field);
  const Json& now = value_of(path);
  json["value"] = shown(field, now);
  if (const std::string* kind = now["distribution"].if_string(); is_length(field) && kind != nullptr)
    json["label"] = fmt::format("{} ({})", label_of(path), *kind == "lognormal" ? "median" : "mean");
  if (field.kind == FieldKind::choice)
    for (const std::string_view choice : field.choices()) json["choices"].push_back(choice);
  if (const auto names = names_.find(path); names != names_.end()) json["choices"] = texts(names->second);
  double number = 0;
  const bool counts = field.kind == FieldKind::integer || field.kind == FieldKind::number || is_length(field);
  if (counts && json["value"].number(number)) json["steps"] = slider_steps(field, number);
  if (counts) json["allowed"] = allowed_text(field);
  return json;
}

void Controls::describe() {
  const auto add_group = [&](const char* name, const std::vector<std::string>& paths) {
    Json group = Json::object();
    group["name"] = name;
    group["controls"] = Json::array();
    for (const std::string& path : paths)
      if (!path.empty()) group["controls"].push_back(control(path));
    if (!group["controls"].if_array()->empty()) document_["groups"].push_back(std::move(group));
  };
  const bool physical = scenario_.deployment.level != CostLevel::affine;
  // Inline figures of a GPU or a model are no name to choose.
  const auto named = [&](const char* path) { return value_of(path).if_string() != nullptr && physical ? path : ""; };
  add_group("Hardware",
            {named("model"), named("hardware.gpu"), "replicas", physical ? "engine.tensor_parallel_size" : ""});
  add_group("Engine", {"engine.max_num_seqs",
                       value_of("engine.max_num_batched_tokens").is_null() ? "" : "engine.max_num_batched_tokens",
                       physical ? "engine.quantization" : "", physical ? "engine.kv_cache_dtype" : ""});
  double rate = 0;
  const bool has_rate = value_of("workload.request_rate").number(rate) && std::isfinite(rate);
  const bool has_clients = !value_of("workload.max_concurrency").is_null();
  add_group("Load", {has_rate      ? "workload.request_rate"
                     : has_clients ? "workload.max_concurrency"
                                   : "workload.load_factor",
                     length_key("workload.input_lengths", "workload.random_input_len"),
                     length_key("workload.output_lengths", "workload.random_output_len")});
  add_group("Objectives", {"slo"});
  for (const Field& field : scenario_fields())
    if (can_be_moved(field)) document_["more"].push_back(control(std::string(field.path)));
}

std::string Controls::setting(const std::string& path, const Json& value, Diagnostics& problems) const {
  const SourceLocation where{kPage, 0, 0};
  const Field* field = find_field(path);
  if (field == nullptr || field->path != path || !may_be_set(*field)) {
    problems.error(where, fmt::format("'{}' is no control of this studio", path),
                   "a page moves single values; what names a file stands in the scenario");
    return {};
  }
  std::string text;
  if (is_length(*field)) {
    double tokens = 0;
    if (value.number(tokens) && tokens >= 1 && tokens <= 1e7 && has_middle(value_of(path)))
      text = to_text(with_middle(value_of(path), tokens), 0);
  } else {
    const auto names = names_.find(path);
    text = value_text(*field, value, names == names_.end() ? std::vector<std::string>{} : names->second);
  }
  if (text.empty())
    problems.error(where, fmt::format("{}: {} is not possible", path, to_text(value, 0)), allowed_text(*field));
  return path + "=" + text;
}

// A scenario that says how many GPUs there are would refuse other splits of them: here the split says how many.
void Controls::keep_replicas(const Json& set, std::vector<std::string>& overrides) const {
  if (!is_given(scenario_, "hardware.num_gpus") || !set["hardware.num_gpus"].is_null()) return;
  bool splits = false;
  for (const char* path :
       {"replicas", "engine.tensor_parallel_size", "engine.pipeline_parallel_size", "engine.data_parallel_size"})
    splits = splits || !set[path].is_null();
  if (!splits) return;
  overrides.emplace_back("hardware.num_gpus=null");
  if (set["replicas"].is_null()) overrides.push_back(fmt::format("replicas={}", replicas_in_all(scenario_)));
}

Result<std::vector<std::string>> Controls::overrides(const Json& set) const {
  Diagnostics problems;
  std::vector<std::string> overrides;
  const Json::Object* object = set.if_object();
  if (object == nullptr || object->size() > 200) {
    problems.error({kPage, 0, 0}, "'set' is a map of fields and values");
    return problems;
  }
  for (const auto& [path, value] : *object) overrides.push_back(setting(path, value, problems));
  if (problems.has_errors()) return problems;
  keep_replicas(set, overrides);
  return overrides;
}

}  // namespace foretoken
