// Fields and their values that a study goes over: `sweep`, and the domain of `recommend`.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/csv.hpp"
#include "scenario/build.hpp"
#include "scenario/checkpoint_name.hpp"
#include "scenario/pool_tree.hpp"
#include "scenario/sweep_axes.hpp"

namespace foretoken {
namespace {

// A map of axes, and the words for what is done with them.
struct AxesKey {
  const char* path;
  const char* done;    // swept
  const char* points;  // points
  const char* example;
};
constexpr AxesKey kSweep{"sweep", "swept", "points", "sweep: {engine.max_num_seqs: [1, 2, 4]}"};
constexpr AxesKey kDomain{"recommend.over", "searched", "candidates",
                          "recommend: {over: {replicas: {choices: [1, 2, 4]}}}"};

void unknown_axis(Resolver& values, const AxesKey& key, const YamlNode::Entry& entry) {
  if (entry.key == "serve_params" || entry.key == "bench_params") {
    values.error_at(
        entry.where, fmt::format("'{}' is spelled by fields here", entry.key),
        "write the fields themselves: sweep: {engine.max_num_seqs: [64, 128], workload.request_rate: [1, 2]}");
    return;
  }
  std::vector<std::string> paths;
  for (const Field& f : scenario_fields()) {
    if (f.is_leaf()) paths.emplace_back(f.path);
  }
  const std::string close = closest_match(entry.key, paths);
  values.error_at(
      entry.where, fmt::format("'{}' is not a field that can be {}", entry.key, key.done),
      close.empty() ? "write the full path, e.g. engine.max_num_seqs" : fmt::format("did you mean '{}'?", close));
}

// A deployment is looked for; what it is asked stays the same for all candidates.
bool belongs_to_deployment(std::string_view path) {
  for (const char* prefix :
       {"hardware", "model", "engine", "replicas", "router", "memory", "cost", "pools", "disaggregation", "fleet"}) {
    if (path.starts_with(prefix)) return true;
  }
  return false;
}

// A name that the catalog does not have is no point of any table, and would be said once per point.
void check_name(Resolver& values, const Catalog& catalog, const Field& field, const YamlNode& item) {
  if (item.kind != YamlNode::Kind::scalar) return;
  const auto report = [&](const auto& found) {
    if (found) return;
    const Diagnostics problems = found.error();
    for (const Diagnostic& d : problems.items()) {
      values.error_at(item.where, d.where.line > 0 ? format(d) : d.message, d.hint);
    }
  };
  if (field.kind == FieldKind::gpu) report(catalog.gpu(item.text));
  if (field.path == "hardware.scale_out_link") report(catalog.link(item.text));
  if (std::string doubt; field.kind == FieldKind::model && !item.text.ends_with(".json"))
    report(find_checkpoint(catalog, item.text, doubt));
}

// Why the pool of a path is none; empty where it is one, or the path is of no pool.
std::string unknown_pool(Resolver& values, const std::string& path) {
  YamlNode root;
  root.kind = YamlNode::Kind::map;
  if (const YamlNode* pools = values.node("pools")) root.entries.push_back({"pools", pools->where, *pools});
  std::string problem;
  (void)path_by_index(root, path, problem);
  return problem;
}

void read_axis(Resolver& values, const Catalog& catalog, const AxesKey& key, const YamlNode::Entry& entry,
               std::vector<SweepAxis>& axes) {
  const Field* field = find_field(table_path(entry.key));
  if (field == nullptr || !field->is_leaf()) {
    unknown_axis(values, key, entry);
    return;
  }
  SweepAxis axis;
  const bool of_a_pool = table_path(entry.key).starts_with("pools[]");
  axis.path = entry.key.find('[') == std::string::npos && !of_a_pool ? std::string(field->path) : entry.key;
  if (std::string problem = unknown_pool(values, entry.key); !problem.empty()) {
    values.error_at(entry.where, std::move(problem));
    return;
  }
  if (&key == &kDomain && !belongs_to_deployment(field->path)) {
    values.error_at(entry.where, fmt::format("'{}' is part of the question, not of the deployment", axis.path),
                    "search over fields of hardware, engine, model, memory, cost, replicas, router and fleet");
    return;
  }
  const auto is_axis = [&](const SweepAxis& a) { return a.path == axis.path; };
  if (std::any_of(axes.begin(), axes.end(), is_axis)) {
    values.error_at(entry.where, fmt::format("'{}' is {} twice", axis.path, key.done), "keep one list");
    return;
  }
  Diagnostics problems;
  const std::vector<YamlNode> items = axis_values(entry.key, entry.value, problems);
  for (const Diagnostic& d : problems.items()) values.error_at(d.where, d.message, d.hint);
  // A range of words, or one that goes on for ever, is wrong at every value: a few of them say it.
  constexpr std::size_t kMostProblems = 10;
  const bool too_many = items.size() > kMaxPoints;
  const std::size_t before = values.diagnostics().items().size();
  for (const YamlNode& item : items) {
    axis.values.push_back(to_flow(item));
    if (too_many || values.diagnostics().items().size() - before >= kMostProblems) continue;
    if (values.accepts(*field, item))
      check_name(values, catalog, *field, item);
    else
      axis.values.pop_back();
  }
  axes.push_back(axis);
}

// Saturates instead of overflowing.
std::size_t product(const std::vector<SweepAxis>& axes) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  std::size_t points = 1;
  for (const SweepAxis& axis : axes) {
    const std::size_t n = std::max<std::size_t>(1, axis.values.size());
    points = points > kMost / n ? kMost : points * n;
  }
  return points;
}

void read_axes(Resolver& values, const Catalog& catalog, const AxesKey& key, std::vector<SweepAxis>& axes) {
  const YamlNode* node = values.node(key.path);
  if (node == nullptr) return;
  values.record_given(key.path);
  if (node->kind != YamlNode::Kind::map) {
    values.error(key.path, fmt::format("'{}' must be a map from a field to the list of its values", key.path),
                 key.example);
    return;
  }
  for (const auto& entry : node->entries) read_axis(values, catalog, key, entry, axes);
  if (&key == &kDomain && node->entries.empty())
    values.error(key.path, "'recommend.over' names no field: there is nothing to choose from",
                 "leave the key out for the usual domain, or write one such as " + std::string(key.example));
  if (const std::size_t points = product(axes); points > kMaxPoints) {
    const bool is_cut =
        std::any_of(axes.begin(), axes.end(), [](const auto& a) { return a.values.size() > kMaxPoints; });
    values.error(key.path,
                 fmt::format("the lists make more than {} {}{}", kMaxPoints, key.points,
                             is_cut ? "" : fmt::format(": {}", points)),
                 "shorten a list");
  }
}

}  // namespace

void build_axes(Resolver& values, const Catalog& catalog, Scenario& s) {
  read_axes(values, catalog, kSweep, s.sweep);
  read_axes(values, catalog, kDomain, s.recommend);
}

}  // namespace foretoken
