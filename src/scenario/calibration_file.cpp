// Reads calibration files. Terms become nodes of the scenario's tree, so that they are checked and
// reported like its own values, with the line of the file they come from.
#include "scenario/calibration_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "scenario/fitted_terms.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {
namespace {

constexpr FittedTerm kTerms[] = {
    {"compute_efficiency_scale", "cost.compute_efficiency_scale", "", 1, "factor on the FLOP/s that operators reach"},
    {"memory_efficiency_scale", "cost.memory_efficiency_scale", "", 1, "factor on the memory bandwidth reached"},
    {"per_step", "cost.per_step", "us", 1e-6, "host time of one step"},
    {"per_sequence", "cost.per_sequence", "us", 1e-6, "host time of one sampled sequence"},
    {"per_request", "cost.per_request", "ms", 1e-3, "from the send until the scheduler knows the request"},
    {"per_allreduce", "cost.per_allreduce", "us", 1e-6, "added to each all-reduce"},
    {"kv_blocks", "engine.num_gpu_blocks_override", "", 1, "KV blocks of one replica"},
};
constexpr std::string_view kFormatKey = "foretoken_calibration";
constexpr std::string_view kTopKeys[] = {kFormatKey,        "foretoken",   "fitted",     "deployment", "terms",
                                         "kept_at_default", "correlation", "covariance", "measured",   "errors"};
constexpr std::string_view kTermKeys[] = {"value", "standard_error", "default", "least", "most", "note"};

class Reader {
 public:
  Reader(std::string path, const SourceLocation& named_at) : path_(std::move(path)), named_at_(named_at) {}

  // Nothing after problems.
  YamlNode read() {
    constexpr std::size_t kMost = 4 << 20;
    const auto text =
        read_text_file(path_, kMost, "`foretoken calibrate` writes calibration files", OtherThanFiles::refused);
    if (!text) {
      const Diagnostics found = text.error();
      for (const Diagnostic& d : found.items()) problems_.error(named_at_, d.where.file + ": " + d.message, d.hint);
      return {};
    }
    lines_.emplace(*text);
    Result<YamlNode> tree = parse_yaml(*text, path_);
    if (!tree) {
      problems_.append(tree.error());
      return {};
    }
    check(*tree);
    return std::move(*tree);
  }
  [[nodiscard]] Diagnostics& problems() { return problems_; }
  void error(const SourceLocation& where, std::string message, std::string hint = {}) {
    problems_.error(where, std::move(message), std::move(hint), lines_ ? lines_->at(where.line) : std::string{});
  }

 private:
  void check(const YamlNode& tree) {
    const YamlNode* format = tree.kind == YamlNode::Kind::map ? tree.find(kFormatKey) : nullptr;
    if (format == nullptr) {
      error({path_, 1, 1}, "not a calibration file: there is no '" + std::string(kFormatKey) + "'",
            "`foretoken calibrate` writes calibration files");
      return;
    }
    if (format->text != std::to_string(kCalibrationFormat)) {
      error(format->where,
            fmt::format("'{}' is '{}'; this version reads {}", kFormatKey, format->text, kCalibrationFormat));
    }
    for (const auto& entry : tree.entries) known(entry, kTopKeys, "key");
    const YamlNode* terms = tree.find("terms");
    if (terms == nullptr || terms->kind != YamlNode::Kind::map) {
      error(terms == nullptr ? SourceLocation{path_, 1, 1} : terms->where, "'terms' is missing or not a map of terms");
      return;
    }
    std::vector<std::string_view> names;
    for (const FittedTerm& term : kTerms) names.push_back(term.name);
    for (const auto& entry : terms->entries) {
      if (!known(entry, names, "term")) continue;
      if (entry.value.kind != YamlNode::Kind::map) {
        error(entry.value.where, fmt::format("'{}' must be a map with a 'value'", entry.key));
        continue;
      }
      for (const auto& part : entry.value.entries) known(part, kTermKeys, "key");
      const YamlNode* value = entry.value.find("value");
      if (value == nullptr || value->kind != YamlNode::Kind::scalar)
        error(value == nullptr ? entry.where : value->where, fmt::format("'{}' has no value", entry.key));
    }
  }

  bool known(const YamlNode::Entry& entry, std::span<const std::string_view> names, const char* what) {
    if (std::find(names.begin(), names.end(), entry.key) != names.end()) return true;
    const std::string close = closest_match(entry.key, {names.begin(), names.end()});
    error(entry.where, fmt::format("unknown {} '{}' in a calibration file", what, entry.key),
          close.empty() ? "" : fmt::format("did you mean '{}'?", close));
    return false;
  }

  std::string path_;
  SourceLocation named_at_;
  std::optional<SourceLines> lines_;
  Diagnostics problems_;
};

const YamlNode* named_file(const YamlNode& scenario) {
  if (scenario.kind != YamlNode::Kind::map) return nullptr;
  const YamlNode* cost = scenario.find("cost");
  const YamlNode* file = cost != nullptr && cost->kind == YamlNode::Kind::map ? cost->find("calibration") : nullptr;
  return file != nullptr && file->kind == YamlNode::Kind::scalar ? file : nullptr;
}

// As Resolver::path_of, which does not exist yet when the tree is completed.
std::string path_from(const YamlNode& file, const std::string& origin) {
  const std::filesystem::path given(file.text);
  if (given.is_absolute() || file.where.file != origin) return file.text;
  return (std::filesystem::path(origin).parent_path() / given).lexically_normal().string();
}

void put_if_absent(YamlNode& scenario, std::string_view path, const YamlNode& value) {
  const auto dot = path.find('.');
  const std::string section(path.substr(0, dot));
  const std::string key(path.substr(dot + 1));
  YamlNode* at = scenario.find(section);
  if (at == nullptr) {
    YamlNode map;
    map.kind = YamlNode::Kind::map;
    map.where = value.where;
    scenario.entries.push_back({section, value.where, std::move(map)});
    at = &scenario.entries.back().value;
  }
  if (at->kind == YamlNode::Kind::map && at->find(key) == nullptr) at->entries.push_back({key, value.where, value});
}

}  // namespace

std::span<const FittedTerm> fitted_terms() {
  return kTerms;
}

Diagnostics apply_calibration_file(YamlNode& scenario, const std::string& origin) {
  const YamlNode* file = named_file(scenario);
  if (file == nullptr) return {};
  Reader reader(path_from(*file, origin), file->where);
  const YamlNode tree = reader.read();
  if (reader.problems().has_errors()) return reader.problems();
  for (const auto& entry : tree.find("terms")->entries) {
    const auto term =
        std::find_if(std::begin(kTerms), std::end(kTerms), [&](const FittedTerm& t) { return t.name == entry.key; });
    put_if_absent(scenario, term->path, *entry.value.find("value"));
  }
  return {};
}

void check_calibration_file(Resolver& values, const Scenario& s) {
  const YamlNode* file = values.node("cost.calibration");
  if (file == nullptr || file->kind != YamlNode::Kind::scalar) return;
  Reader reader(values.path_of("cost.calibration", file->text), file->where);
  const YamlNode tree = reader.read();
  const YamlNode* fitted = tree.kind == YamlNode::Kind::map ? tree.find("deployment") : nullptr;
  if (fitted == nullptr || fitted->kind != YamlNode::Kind::map) return;
  const Deployment& d = s.deployment;
  const std::pair<const char*, std::string> here[] = {{"model", d.model.id},
                                                      {"gpu", d.gpu.id},
                                                      {"engine", d.engine_name},
                                                      {"version", d.engine_version},
                                                      {"cost_level", values.text("cost.level")},
                                                      {"tensor_parallel_size", std::to_string(d.parallelism.tensor)}};
  for (const auto& [key, value] : here) {
    const YamlNode* then = fitted->find(key);
    if (then == nullptr || then->kind != YamlNode::Kind::scalar || then->text == value) continue;
    values.warning("cost.calibration",
                   fmt::format("its terms were fitted on {} {}; this scenario has {}", key, then->text, value),
                   "outside what it was fitted on, a calibration may be worse than the defaults");
  }
}

}  // namespace foretoken
