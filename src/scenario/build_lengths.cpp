// Prompt and output lengths: plain numbers, distributions, or pairs from a file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

class LengthReader {
 public:
  LengthReader(Resolver& values, const YamlNode& map, std::string path)
      : values_(values), map_(map), path_(std::move(path)) {}

  LengthConfig read() {
    const YamlNode* name = map_.find("distribution");
    const std::string kind = name == nullptr ? "" : name->text;
    LengthConfig lengths = FixedLength{};
    if (kind == "fixed")
      lengths = FixedLength{tokens("tokens", 0)};
    else if (kind == "uniform")
      lengths = UniformLength{tokens("min", 0), tokens("max", 0)};
    else if (kind == "lognormal")
      lengths = LognormalLength{number("mu", -50), number("sigma", 0), tokens("min", 1), tokens("max", 1'000'000)};
    else if (kind == "zipf")
      lengths = ZipfLength{number("alpha", 0), tokens("min", 1), tokens("max", 0)};
    else if (kind == "exponential")
      lengths = ExponentialLength{number("mean", 1e-6), tokens("max", 1'000'000)};
    else if (kind == "empirical")
      lengths = empirical();
    else
      fail(name,
           fmt::format("'{}.distribution' must be one of fixed, uniform, lognormal, zipf, exponential, empirical; {}",
                       path_, name == nullptr ? "it is missing" : fmt::format("got '{}'", kind)));
    check_order();
    for (const auto& entry : map_.entries) {
      if (std::find(read_.begin(), read_.end(), entry.key) == read_.end() && entry.key != "distribution" && ok_) {
        const std::string close = closest_match(entry.key, read_);
        values_.error_at(entry.where, fmt::format("unknown key '{}' for distribution '{}'", entry.key, kind),
                         close.empty() ? "" : fmt::format("did you mean '{}'?", close));
      }
    }
    return lengths;
  }

 private:
  void fail(const YamlNode* at, std::string message) {
    ok_ = false;
    values_.error_at(at == nullptr ? map_.where : at->where, std::move(message));
  }
  void check_order() {
    double least = 1, most = 0;
    const YamlNode* min = map_.find("min");
    const YamlNode* max = map_.find("max");
    if (!ok_ || min == nullptr || max == nullptr || !plain_number(*min, least) || !plain_number(*max, most)) return;
    if (least > most) fail(min, fmt::format("'{}.min' {} is above '{}.max' {}", path_, min->text, path_, max->text));
  }
  // 0 as fallback = must be given.
  std::int64_t tokens(const char* key, std::int64_t fallback) {
    read_.emplace_back(key);
    const YamlNode* node = map_.find(key);
    double value = 0;
    if (node == nullptr && fallback > 0) return fallback;
    if (node == nullptr)
      fail(nullptr, fmt::format("'{}.{}' is missing", path_, key));
    else if (!plain_number(*node, value) || value != std::floor(value) || value < 1 || value > 1e8)
      fail(node, fmt::format("'{}.{}' must be a whole number from 1 to 1e+08, got '{}'", path_, key, node->text));
    else
      return static_cast<std::int64_t>(value);
    return 1;
  }
  double number(const char* key, double least) {
    constexpr double kMost = 1e8;
    read_.emplace_back(key);
    const YamlNode* node = map_.find(key);
    double value = 0;
    if (node == nullptr)
      fail(nullptr, fmt::format("'{}.{}' is missing", path_, key));
    else if (!plain_number(*node, value) || !(value >= least && value <= kMost)) {
      fail(node,
           fmt::format("'{}.{}' must be a number from {:g} to {:g}, got '{}'", path_, key, least, kMost, node->text));
    }
    return value;
  }
  EmpiricalLength empirical() {
    EmpiricalLength lengths;
    for (const double value : numbers("tokens", 1, 1e8)) lengths.tokens.push_back(static_cast<std::int64_t>(value));
    if (map_.find("tokens") == nullptr) fail(nullptr, fmt::format("'{}.tokens' is missing", path_));
    lengths.weights = numbers("weights", 0, 1e12);
    if (!lengths.weights.empty() && lengths.weights.size() != lengths.tokens.size() && ok_) {
      fail(map_.find("weights"),
           fmt::format("'{}' has {} lengths but {} weights", path_, lengths.tokens.size(), lengths.weights.size()));
    }
    return lengths;
  }
  // Lengths are whole numbers; weights need not be.
  std::vector<double> numbers(const char* key, double least, double most) {
    read_.emplace_back(key);
    std::vector<double> found;
    const YamlNode* list = map_.find(key);
    if (list == nullptr) return found;
    if (list->kind != YamlNode::Kind::list || list->items.empty())
      fail(list, fmt::format("'{}.{}' must be a list of numbers", path_, key));
    for (const YamlNode& item : list->items) {
      double value = 0;
      const bool whole = least < 1 || (plain_number(item, value) && value == std::floor(value));
      if (plain_number(item, value) && whole && value >= least && value <= most) {
        found.push_back(value);
        continue;
      }
      fail(&item, fmt::format("'{}.{}' must hold {}numbers from {:g} to {:g}, got '{}'", path_, key,
                              least < 1 ? "" : "whole ", least, most, item.text));
    }
    return found;
  }

  Resolver& values_;
  const YamlNode& map_;
  std::string path_;
  std::vector<std::string> read_;
  bool ok_ = true;
};

// vLLM's random dataset: integers in [floor(L(1-r)), ceil(L(1+r))].
LengthConfig around(std::int64_t tokens, double ratio) {
  if (ratio == 0) return FixedLength{tokens};
  const auto length = static_cast<double>(tokens);
  return UniformLength{std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(length * (1 - ratio)))),
                       static_cast<std::int64_t>(std::ceil(length * (1 + ratio)))};
}

constexpr const char* kLengthKeys[] = {"random_input_len", "random_output_len", "input_lengths", "output_lengths"};

struct Side {
  const char* map_key;    // a distribution
  const char* plain_key;  // tokens, with random_range_ratio around them
  std::int64_t tokens;    // by default
};
constexpr Side kInput{"input_lengths", "random_input_len", 1024};
constexpr Side kOutput{"output_lengths", "random_output_len", 128};

// One of input and output; a class inherits what it does not say.
LengthConfig read_side(Resolver& values, const std::string& prefix, const Side& side, const LengthConfig* inherited) {
  const std::string map_path = prefix + side.map_key;
  const std::string plain_path = prefix + side.plain_key;
  if (values.given(map_path)) {
    if (values.given(plain_path))
      values.error(plain_path, fmt::format("'{}' and '{}' both give the lengths", plain_path, map_path),
                   "keep one of them");
    return read_lengths(values, map_path);
  }
  if (inherited != nullptr && !values.given(plain_path)) return *inherited;
  const std::int64_t tokens = values.integer(plain_path, {side.tokens, Origin::default_value});
  const std::string ratio_path = prefix + "random_range_ratio";
  if (inherited != nullptr) return around(tokens, values.maybe_number(ratio_path).value_or(0));
  return around(tokens, values.number(ratio_path));
}

// Lengths drawn in pairs from a file: whatever else is said about them is idle.
LengthPairConfig read_pairs(Resolver& values, const std::string& prefix, const std::string& dataset) {
  LengthPairConfig lengths;
  const auto file = values.maybe_text(prefix + "dataset_path");
  if (!file)
    values.error(prefix + "dataset_name", fmt::format("dataset_name {} needs '{}dataset_path'", dataset, prefix),
                 "give the file to draw lengths from");
  else
    lengths.paired = PairedLengths{values.path_of(prefix + "dataset_path", *file), dataset};
  for (const char* key :
       {"random_input_len", "random_output_len", "random_range_ratio", "input_lengths", "output_lengths"}) {
    if (!values.given(prefix + key)) continue;
    values.mark_read(prefix + key);
    values.warning(prefix + key, fmt::format("'{}{}' has no effect: lengths come from {}", prefix, key, dataset));
  }
  return lengths;
}

}  // namespace

LengthConfig read_lengths(Resolver& values, const std::string& path) {
  const YamlNode* node = values.node(path);
  values.record_given(path);
  double value = 0;
  if (node->kind == YamlNode::Kind::map) return LengthReader(values, *node, path).read();
  if (plain_number(*node, value) && value == std::floor(value) && value >= 1 && value <= 1e8)
    return FixedLength{static_cast<std::int64_t>(value)};
  values.error(path, fmt::format("'{}' must be a number of tokens or a map {{distribution: ...}}", path));
  return FixedLength{1};
}

LengthPairConfig read_length_pair(Resolver& values, const std::string& prefix, const LengthPairConfig* inherited) {
  const std::string name = prefix + "dataset_name";
  std::string dataset = "random";
  if (inherited == nullptr)
    dataset = values.text(name);
  else if (const auto given = values.maybe_text(name))
    dataset = *given;
  if (dataset != "random") return read_pairs(values, prefix, dataset);
  LengthPairConfig lengths;
  const bool own = values.given(name) || std::any_of(std::begin(kLengthKeys), std::end(kLengthKeys),
                                                     [&](const char* key) { return values.given(prefix + key); });
  if (inherited != nullptr && inherited->paired && !own) {
    lengths.paired = inherited->paired;
    return lengths;
  }
  lengths.input = read_side(values, prefix, kInput, inherited ? &inherited->input : nullptr);
  lengths.output = read_side(values, prefix, kOutput, inherited ? &inherited->output : nullptr);
  return lengths;
}

}  // namespace foretoken
