// Field by field, from scenarios and from stored results.
#include "study/compare/fields.hpp"

#include <algorithm>

namespace foretoken {
namespace {

using Fields = std::vector<std::pair<std::string, FieldValue>>;

const FieldValue* find(const Fields& fields, const std::string& path) {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == path; });
  return at == fields.end() ? nullptr : &at->second;
}

bool is_simulated(const std::string& path) {
  for (const char* question : {"description", "version", "slo", "sweep", "study", "capacity", "promise", "assert",
                               "replications", "seed", "prices", "grid"}) {
    const std::string name(question);
    if (path == name || path.starts_with(name + ".") || path.starts_with(name + "[")) return false;
  }
  return true;
}

void add_leaves(const Json& value, const std::string& path, Fields& fields) {
  const Json::Object* map = value.if_object();
  const bool distribution = map != nullptr && !value["distribution"].is_null();
  if (map != nullptr && !distribution) {
    for (const auto& [key, child] : *map) add_leaves(child, path.empty() ? key : path + "." + key, fields);
    return;
  }
  fields.push_back({path, {value, false}});
}

}  // namespace

Fields fields_of(const Scenario& scenario) {
  Fields fields;
  for (const ResolvedField& f : scenario.fields) fields.push_back({f.path, {f.value, is_given(f)}});
  return fields;
}

Fields fields_of_result(const Json& result) {
  Fields fields;
  add_leaves(result["config"], "", fields);
  for (auto& [path, field] : fields) {
    const std::string* origin = result["origins"][path]["origin"].if_string();
    field.given = origin != nullptr && (*origin == "file" || *origin == "command line");
  }
  return fields;
}

std::vector<ChangedField> changed_fields(const Fields& before, const Fields& after) {
  std::vector<ChangedField> changed;
  for (const auto& [path, was] : before) {
    const FieldValue* is = find(after, path);
    if (is != nullptr && is->value == was.value) continue;
    changed.push_back({path, to_text(was.value, 0), is == nullptr ? "" : to_text(is->value, 0),
                       was.given || (is != nullptr && is->given), is_simulated(path)});
  }
  for (const auto& [path, is] : after) {
    if (find(before, path) == nullptr)
      changed.push_back({path, "", to_text(is.value, 0), is.given, is_simulated(path)});
  }
  return changed;
}

}  // namespace foretoken
