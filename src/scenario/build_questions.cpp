// Objectives, what-if axes, conventions and the cluster.
#include <fmt/format.h>

#include <algorithm>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

// Of the i-th text of a list, or of the one text that stands for a list.
SourceLocation location_of_line(const YamlNode& node, std::size_t i) {
  return node.kind == YamlNode::Kind::list ? node.items[std::min(i, node.items.size() - 1)].where : node.where;
}

// Metrics of goodput mean nothing without the limits of a request.
void check_goodput(Resolver& values, const char* key, const std::vector<SloLine>& lines, const Scenario& s) {
  const bool needs_goodput = std::any_of(lines.begin(), lines.end(), [](const SloLine& l) {
    return l.metric.find("goodput") != std::string::npos || l.metric.find("attainment") != std::string::npos;
  });
  const bool has_goodput =
      s.workload.goodput.any() || std::any_of(s.workload.classes.begin(), s.workload.classes.end(),
                                              [](const RequestClass& c) { return c.goodput.any(); });
  if (needs_goodput && !has_goodput) {
    values.error(key, "slo_attainment and request_goodput need per-request limits",
                 "add `goodput: {ttft: 500, tpot: 50}` (ms)");
  }
}

// A metric of a class needs that class.
void check_class(Resolver& values, const SourceLocation& where, std::string_view metric, const Scenario& s) {
  const std::string_view of = split_metric(metric).request_class;
  const auto& classes = s.workload.classes;
  const auto named = [&](const RequestClass& c) { return c.name == of; };
  if (of.empty() || std::any_of(classes.begin(), classes.end(), named)) return;
  std::string names;
  for (const RequestClass& c : classes) names += (names.empty() ? "" : ", ") + c.name;
  values.error_at(where, fmt::format("there is no class '{}'; {}", of,
                                     names.empty() ? "workload.classes names none" : "classes: " + names));
}

// One objective; `behind` names the class where its key does.
void read_objective(Resolver& values, const std::string& text, const std::string& behind, const SourceLocation& where,
                    Scenario& s) {
  std::string whole = text;
  if (const auto at = std::min({text.find_first_of("<>="), text.find("≤"), text.find("≥")});
      !behind.empty() && at != std::string::npos) {
    std::string name = text.substr(0, at);
    while (!name.empty() && name.back() == ' ') name.pop_back();
    whole = fmt::format("{} of {} {}", name, behind, text.substr(at));
  }
  const auto line = parse_slo_line(whole, where);
  if (line) {
    check_class(values, where, line->metric, s);
    s.slo.push_back(*line);
    return;
  }
  const Diagnostics found = line.error();
  for (const Diagnostic& d : found.items()) values.error_at(where, d.message, d.hint);
}

void read_objectives(Resolver& values, const std::string& key, const std::string& behind, Scenario& s) {
  const YamlNode* node = values.node(key);
  if (node == nullptr) return;
  const std::vector<std::string> lines = values.texts(key);
  for (std::size_t i = 0; i < lines.size(); ++i)
    read_objective(values, lines[i], behind, location_of_line(*node, i), s);
}

void read_slo(Resolver& values, Scenario& s) {
  read_objectives(values, "slo", "", s);
  for (std::size_t i = 0; i < s.workload.classes.size(); ++i)
    read_objectives(values, fmt::format("workload.classes[{}].slo", i), s.workload.classes[i].name, s);
  check_goodput(values, "slo", s.slo, s);
}

// One assertion: a comparison, or {name: ..., that: a comparison}.
struct GivenAssertion {
  std::string name;
  std::string text;
  SourceLocation where;
};

std::optional<GivenAssertion> assertion_of(Resolver& values, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar) return GivenAssertion{node.text, node.text, node.where};
  const YamlNode* that = node.find("that");
  const YamlNode* name = node.find("name");
  const bool known = std::all_of(node.entries.begin(), node.entries.end(),
                                 [](const auto& e) { return e.key == "name" || e.key == "that"; });
  if (node.kind != YamlNode::Kind::map || that == nullptr || that->kind != YamlNode::Kind::scalar || !known ||
      (name != nullptr && name->kind != YamlNode::Kind::scalar)) {
    values.error_at(node.where, "an assertion is a comparison, or {name: ..., that: a comparison}",
                    "such as {name: answers in time, that: p99_ttft <= 500 ms}");
    return std::nullopt;
  }
  if (name != nullptr && name->text.find('\n') != std::string::npos) {
    values.error_at(name->where, "the name of an assertion stands in one line");
    return std::nullopt;
  }
  return GivenAssertion{name != nullptr ? name->text : that->text, that->text, that->where};
}

// A list of assertions, one map of name and comparison, or a map from metric to comparison: {p99_ttft_ms: "<=500"}.
std::vector<GivenAssertion> given_assertions(Resolver& values, const YamlNode& node) {
  std::vector<GivenAssertion> all;
  if (node.kind == YamlNode::Kind::map && node.find("that") == nullptr) {
    for (const auto& entry : node.entries) {
      const std::string line = entry.key + " " + entry.value.text;
      if (entry.value.kind == YamlNode::Kind::scalar)
        all.push_back({line, line, entry.where});
      else
        values.error_at(entry.value.where, fmt::format("'{}' must be a comparison such as \"<= 500\"", entry.key));
    }
    return all;
  }
  const bool list = node.kind == YamlNode::Kind::list;
  for (std::size_t i = 0; i < (list ? node.items.size() : 1); ++i) {
    if (auto one = assertion_of(values, list ? node.items[i] : node)) all.push_back(std::move(*one));
  }
  return all;
}

void read_assertions(Resolver& values, Scenario& s) {
  const YamlNode* node = values.node("assert");
  if (node == nullptr || node->kind == YamlNode::Kind::null) return;
  values.record_given("assert");
  if (node->kind == YamlNode::Kind::scalar) {
    values.error("assert", "'assert' must be a list of comparisons, or a map from metric to comparison",
                 "assert: [p99_ttft <= 500 ms]");
    return;
  }
  std::vector<SloLine> lines;
  for (const GivenAssertion& given : given_assertions(values, *node)) {
    const auto line = parse_slo_line(given.text, given.where);
    if (line) {
      check_class(values, given.where, line->metric, s);
      lines.push_back(*line);
      s.assertions.push_back({given.name, *line});
      continue;
    }
    const Diagnostics found = line.error();
    for (const Diagnostic& d : found.items()) values.error_at(given.where, d.message, d.hint);
  }
  check_goodput(values, "assert", lines, s);
}

void read_study(Resolver& values, Scenario& s) {
  s.study.confidence = values.number("study.confidence");
  s.study.max_replications = values.integer("study.max_replications");
  s.study.max_requests = values.integer("study.max_requests");
  const YamlNode* node = values.node("study.until");
  if (node == nullptr) return;
  const std::vector<std::string> lines = values.texts("study.until");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const SourceLocation where = location_of_line(*node, i);
    const Result<PrecisionGoal> goal = parse_precision_goal(lines[i], where);
    if (goal) {
      check_class(values, where, goal->metric, s);
      s.study.until.push_back(*goal);
      continue;
    }
    const Diagnostics found = goal.error();
    for (const Diagnostic& d : found.items()) values.error_at(where, d.message, d.hint);
  }
}

}  // namespace

void build_questions(Resolver& values, const Catalog& catalog, Scenario& s) {
  s.description = values.maybe_text("description").value_or("");
  values.text("version");
  read_slo(values, s);
  read_assertions(values, s);
  build_axes(values, catalog, s);
  read_study(values, s);
  build_capacity(values, s);
  build_placement(values, catalog, s);
  s.tpot = values.text("conventions.tpot") == "vllm" ? TpotConvention::vllm : TpotConvention::per_output_token;
  s.warmup_fraction = values.number("warmup_fraction");
  s.seed = static_cast<std::uint64_t>(values.integer("seed"));
  s.replications = static_cast<int>(values.integer("replications"));
  for (const char* path : {"goodput.ttft", "goodput.tpot", "goodput.e2el"}) values.record_given(path);
}

namespace {

void take_spares_down(Resolver& values, bool spares_down, Scenario& s) {
  if (s.spare >= s.cluster.replicas) {
    values.error("spare",
                 fmt::format("'spare' is {} of {} replicas: none is left to serve", s.spare, s.cluster.replicas),
                 fmt::format("replicas: {} serve with {} down", s.spare + 1, s.spare));
    return;
  }
  if (!spares_down) return;
  s.replicas_down = s.spare;
  s.cluster.replicas -= s.spare;
}

}  // namespace

void build_cluster(Resolver& values, bool spares_down, Scenario& s) {
  const int per_replica = s.deployment.parallelism.gpus();
  const auto gpus = values.maybe_integer("hardware.num_gpus");
  s.spare = static_cast<int>(values.maybe_integer("spare").value_or(0));
  std::int64_t replicas = 1 + s.spare;
  if (gpus && *gpus % per_replica == 0) replicas = std::max<std::int64_t>(1, *gpus / per_replica);
  const double most = find_field("replicas")->most;
  if (!values.given("replicas") && static_cast<double>(replicas) > most) {
    values.error("hardware.num_gpus", fmt::format("{} GPUs are {} replicas of {}; at most {:.0f} are simulated", *gpus,
                                                  replicas, per_replica, most));
    return;
  }
  s.cluster.replicas =
      static_cast<int>(values.integer("replicas", {replicas, Origin::derived, "num_gpus / (TP x PP x DP)"}));
  build_admission(values, s);
  build_fleet(values, s);
  build_routing(values, s);
  const std::int64_t in_all = std::int64_t{s.cluster.replicas} * per_replica;
  const std::int64_t ranks = std::int64_t{s.cluster.replicas} * s.deployment.parallelism.data;
  const auto most_gpus = static_cast<std::int64_t>(find_field("hardware.num_gpus")->most);
  if (in_all > most_gpus || static_cast<double>(ranks) > most) {
    values.error("replicas",
                 fmt::format("{} replicas of {} GPUs are {} GPUs with {} schedulers", s.cluster.replicas, per_replica,
                             in_all, ranks),
                 fmt::format("at most {} GPUs and {:.0f} schedulers are simulated", most_gpus, most));
    return;
  }
  s.num_gpus = static_cast<int>(in_all);
  if (gpus && *gpus != s.num_gpus) {
    values.error("hardware.num_gpus",
                 fmt::format("'hardware.num_gpus' is {}, but {} replicas x {} GPUs (TP {} x PP {} x DP {}) are {}",
                             *gpus, s.cluster.replicas, per_replica, s.deployment.parallelism.tensor,
                             s.deployment.parallelism.pipeline, s.deployment.parallelism.data, s.num_gpus),
                 "change num_gpus, replicas or the parallel sizes so that they agree");
  }
  values.integer("hardware.num_gpus", {s.num_gpus, Origin::derived, "replicas x TP x PP x DP"});
  take_spares_down(values, spares_down, s);
}

}  // namespace foretoken
