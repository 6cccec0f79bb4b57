// Reading results back, and comparing them value by value.
#include "persistence/stored_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "foretoken/experiment/version.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {
namespace {

constexpr const char* kIdentity[] = {"schema", "foretoken_version", "scenario", "scenario_sha256", "seed", "feasible"};

// Leaves by path, in the order of the document.
void flatten(const Json& value, const std::string& path, std::vector<std::pair<std::string, Json>>& leaves) {
  if (const Json::Object* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [key, member] : *object) flatten(member, path.empty() ? key : path + "." + key, leaves);
  } else if (const Json::Array* array = value.if_array(); array != nullptr && !array->empty()) {
    for (std::size_t i = 0; i < array->size(); ++i) flatten((*array)[i], fmt::format("{}[{}]", path, i), leaves);
  } else {
    leaves.emplace_back(path, value);
  }
}

std::vector<ResultChange> changes(const Json& before, const Json& after) {
  std::vector<std::pair<std::string, Json>> a, b;
  flatten(before, "", a);
  flatten(after, "", b);
  std::map<std::string, const Json*> of_b;
  for (const auto& [path, value] : b) of_b[path] = &value;
  std::vector<ResultChange> found;
  for (const auto& [path, value] : a) {
    const auto other = of_b.find(path);
    if (other == of_b.end()) {
      found.push_back({path, to_text(value, 0), "", {}});
      continue;
    }
    if (!(value == *other->second)) {
      ResultChange change{path, to_text(value, 0), to_text(*other->second, 0), {}};
      double x = 0, y = 0;
      if (value.number(x) && other->second->number(y) && x != 0) change.relative = y / x - 1;
      found.push_back(std::move(change));
    }
    of_b.erase(other);
  }
  for (const auto& [path, value] : b) {
    if (of_b.contains(path)) found.push_back({path, "", to_text(value, 0), {}});
  }
  return found;
}

std::string text_at(const Json& json, std::string_view key) {
  const std::string* text = json[key].if_string();
  return text != nullptr ? *text : std::string{};
}

}  // namespace

Result<StoredResult> read_result(const std::string& path) {
  Diagnostics problems;
  const char* hint = "`foretoken run SCENARIO --format json -o FILE` writes results";
  constexpr std::size_t kMost = std::size_t{64} << 20;
  const Result<std::string> text = read_text_file(path, kMost, hint);
  if (!text) return text.error();
  StoredResult stored{path, *text, {}};
  if (stored.text.empty()) {
    problems.error({path, 0, 0}, "the file is empty", hint);
    return problems;
  }
  Result<Json> document = parse_json(stored.text, path);
  if (!document) return document.error();
  stored.document = std::move(*document);
  const std::string schema = text_at(stored.document, "schema");
  if (schema == kResultSchema) return stored;
  problems.error({path, 0, 0},
                 schema.empty() ? "this is no result of foretoken: it has no schema"
                                : fmt::format("this is a {}; only a {} can be read here", schema, kResultSchema),
                 hint);
  return problems;
}

std::optional<Provenance> provenance_of(const Json& document) {
  const Json& source = document["source"];
  if (source["path"].if_string() == nullptr || source["text"].if_string() == nullptr) return std::nullopt;
  Provenance p;
  p.question = {text_at(source, "text"), text_at(source, "path")};
  if (const Json::Array* set = source["set"].if_array()) {
    for (const Json& one : *set) {
      if (one.if_string() == nullptr) return std::nullopt;
      p.question.options.overrides.push_back(*one.if_string());
    }
  }
  p.question.options.catalog_dir = text_at(source, "catalog");
  if (const Json::Object* inputs = document["inputs"].if_object()) {
    for (const auto& [name, hash] : *inputs) p.inputs.push_back({name, hash.if_string() ? *hash.if_string() : ""});
  }
  return p;
}

ResultDifference difference(const Json& before, const Json& after) {
  ResultDifference d;
  for (const char* key : kIdentity) {
    for (ResultChange& change : changes(before[key], after[key])) {
      change.path = key;
      change.relative.reset();
      d.identity.push_back(std::move(change));
    }
  }
  d.configuration = changes(before["config"], after["config"]);
  for (ResultChange& change : d.configuration) change.relative.reset();
  d.inputs = changes(before["inputs"], after["inputs"]);
  d.figures = changes(before["summary"], after["summary"]);
  const auto all = static_cast<std::int64_t>(changes(before, after).size());
  const auto listed = d.identity.size() + d.configuration.size() + d.inputs.size() + d.figures.size();
  d.others = std::max<std::int64_t>(0, all - static_cast<std::int64_t>(listed));
  return d;
}

bool same_figures(const ResultDifference& d) {
  const auto made_by = [](const ResultChange& c) { return c.path == "foretoken_version"; };
  return d.figures.empty() && d.others == 0 && d.configuration.empty() &&
         std::all_of(d.identity.begin(), d.identity.end(), made_by);
}

}  // namespace foretoken
