// Arrivals, lengths, clients and classes.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

// ---- arrivals ----

void read_trace_config(Resolver& values, WorkloadConfig& w) {
  TraceConfig trace;
  if (!values.given("workload.trace.path")) values.error("workload.trace", "'workload.trace.path' is missing");
  if (const auto path = values.maybe_text("workload.trace.path")) trace.path = values.path_of("workload.trace.path", *path);
  trace.format = values.text("workload.trace.format");
  trace.time_scale = values.number("workload.trace.time_scale");
  trace.rate_scale = values.number("workload.trace.rate_scale");
  if (const auto start = values.maybe_quantity("workload.trace.start")) trace.start = duration_from_seconds(*start);
  if (const auto end = values.maybe_quantity("workload.trace.end")) trace.end = duration_from_seconds(*end);
  if (trace.start && trace.end && *trace.end <= *trace.start) {
    values.error("workload.trace.end", "'workload.trace.end' must be after 'workload.trace.start'");
  }
  w.arrivals = trace;
}

double required_number(Resolver& values, const std::string& path) {
  if (!values.given(path)) values.error(path, fmt::format("'{}' is missing", path));
  return values.maybe_number(path).value_or(1);
}

Duration required_duration(Resolver& values, const std::string& path) {
  if (!values.given(path)) values.error(path, fmt::format("'{}' is missing", path));
  return duration_from_seconds(values.maybe_quantity(path).value_or(1));
}

void read_rate(Resolver& values, WorkloadConfig& w) {
  const double rate = values.number("workload.request_rate");
  if (std::isinf(rate)) {
    w.arrivals = AllAtOnceArrivals{};
    for (const char* path : {"workload.burstiness", "workload.vllm_rescale"}) {
      if (!values.given(path)) continue;
      values.mark_read(path);
      values.warning(path, fmt::format("'{}' has no effect: request_rate is inf, all requests are sent at once", path));
    }
    return;
  }
  RenewalArrivals arrivals;
  arrivals.rate = rate;
  arrivals.burstiness = values.number("workload.burstiness");
  arrivals.vllm_rescale = values.flag("workload.vllm_rescale");
  w.arrivals = arrivals;
}

void read_ramp(Resolver& values, WorkloadConfig& w) {
  RampArrivals ramp;
  ramp.exponential = values.text("workload.ramp_up_strategy") == "exponential";
  ramp.start_rate = required_number(values, "workload.ramp_up_start_rps");
  ramp.end_rate = required_number(values, "workload.ramp_up_end_rps");
  ramp.burstiness = values.number("workload.burstiness");
  w.arrivals = ramp;
}

void read_bursts(Resolver& values, WorkloadConfig& w) {
  w.arrivals = TwoStateArrivals{required_number(values, "workload.bursts.low_rate"), required_number(values, "workload.bursts.high_rate"),
                                required_duration(values, "workload.bursts.mean_low"), required_duration(values, "workload.bursts.mean_high")};
}

void read_profile(Resolver& values, WorkloadConfig& w) {
  ProfileArrivals profile;
  profile.period = required_duration(values, "workload.rate_profile.period");
  profile.rates = values.numbers("workload.rate_profile.rates");
  if (!values.given("workload.rate_profile.rates")) values.error("workload.rate_profile", "'workload.rate_profile.rates' is missing");
  w.arrivals = profile;
}

void read_arrivals(Resolver& values, WorkloadConfig& w) {
  struct Way {
    const char* path;
    void (*read)(Resolver&, WorkloadConfig&);
  };
  constexpr Way kWays[] = {{"workload.trace", read_trace_config}, {"workload.bursts", read_bursts},
                           {"workload.rate_profile", read_profile}, {"workload.ramp_up_strategy", read_ramp},
                           {"workload.request_rate", read_rate}};
  const Way* chosen = nullptr;
  for (const Way& way : kWays) {
    if (!values.given(way.path)) continue;
    if (chosen == nullptr) { chosen = &way; continue; }
    values.error(way.path, fmt::format("'{}' and '{}' both say when requests arrive", chosen->path, way.path), "keep one of them");
  }
  (chosen != nullptr ? chosen->read : read_rate)(values, w);
}

// ---- lengths ----

class LengthReader {
 public:
  LengthReader(Resolver& values, const YamlNode& map, std::string path) : values_(values), map_(map), path_(std::move(path)) {}

  LengthConfig read() {
    const YamlNode* name = map_.find("distribution");
    const std::string kind = name == nullptr ? "" : name->text;
    LengthConfig lengths = FixedLength{};
    if (kind == "fixed") lengths = FixedLength{tokens("tokens", 0)};
    else if (kind == "uniform") lengths = UniformLength{tokens("min", 0), tokens("max", 0)};
    else if (kind == "lognormal") lengths = LognormalLength{number("mu", -50), number("sigma", 0), tokens("min", 1), tokens("max", 1'000'000)};
    else if (kind == "zipf") lengths = ZipfLength{number("alpha", 0), tokens("min", 1), tokens("max", 0)};
    else if (kind == "exponential") lengths = ExponentialLength{number("mean", 1e-6), tokens("max", 1'000'000)};
    else if (kind == "empirical") lengths = empirical();
    else fail(name, fmt::format("'{}.distribution' must be one of fixed, uniform, lognormal, zipf, exponential, empirical; {}", path_,
                                name == nullptr ? "it is missing" : fmt::format("got '{}'", kind)));
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
    if (node == nullptr) fail(nullptr, fmt::format("'{}.{}' is missing", path_, key));
    else if (!plain_number(*node, value) || value != std::floor(value) || value < 1 || value > 1e8) fail(node, fmt::format("'{}.{}' must be a whole number from 1 to 1e+08, got '{}'", path_, key, node->text));
    else return static_cast<std::int64_t>(value);
    return 1;
  }
  double number(const char* key, double least) {
    constexpr double kMost = 1e8;
    read_.emplace_back(key);
    const YamlNode* node = map_.find(key);
    double value = 0;
    if (node == nullptr) fail(nullptr, fmt::format("'{}.{}' is missing", path_, key));
    else if (!plain_number(*node, value) || !(value >= least && value <= kMost)) {
      fail(node, fmt::format("'{}.{}' must be a number from {:g} to {:g}, got '{}'", path_, key, least, kMost, node->text));
    }
    return value;
  }
  EmpiricalLength empirical() {
    EmpiricalLength lengths;
    for (const double value : numbers("tokens", 1, 1e8)) lengths.tokens.push_back(static_cast<std::int64_t>(value));
    if (map_.find("tokens") == nullptr) fail(nullptr, fmt::format("'{}.tokens' is missing", path_));
    lengths.weights = numbers("weights", 0, 1e12);
    if (!lengths.weights.empty() && lengths.weights.size() != lengths.tokens.size() && ok_) {
      fail(map_.find("weights"), fmt::format("'{}' has {} lengths but {} weights", path_, lengths.tokens.size(), lengths.weights.size()));
    }
    return lengths;
  }
  // Lengths are whole numbers; weights need not be.
  std::vector<double> numbers(const char* key, double least, double most) {
    read_.emplace_back(key);
    std::vector<double> found;
    const YamlNode* list = map_.find(key);
    if (list == nullptr) return found;
    if (list->kind != YamlNode::Kind::list || list->items.empty()) fail(list, fmt::format("'{}.{}' must be a list of numbers", path_, key));
    for (const YamlNode& item : list->items) {
      double value = 0;
      const bool whole = least < 1 || (plain_number(item, value) && value == std::floor(value));
      if (plain_number(item, value) && whole && value >= least && value <= most) { found.push_back(value); continue; }
      fail(&item, fmt::format("'{}.{}' must hold {}numbers from {:g} to {:g}, got '{}'", path_, key, least < 1 ? "" : "whole ", least, most, item.text));
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
    if (values.given(plain_path)) values.error(plain_path, fmt::format("'{}' and '{}' both give the lengths", plain_path, map_path), "keep one of them");
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
  if (!file) values.error(prefix + "dataset_name", fmt::format("dataset_name {} needs '{}dataset_path'", dataset, prefix), "give the file to draw lengths from");
  else lengths.paired = PairedLengths{values.path_of(prefix + "dataset_path", *file), dataset};
  for (const char* key : {"random_input_len", "random_output_len", "random_range_ratio", "input_lengths", "output_lengths"}) {
    if (!values.given(prefix + key)) continue;
    values.mark_read(prefix + key);
    values.warning(prefix + key, fmt::format("'{}{}' has no effect: lengths come from {}", prefix, key, dataset));
  }
  return lengths;
}

LengthPairConfig read_length_pair(Resolver& values, const std::string& prefix, const LengthPairConfig* inherited) {
  const std::string name = prefix + "dataset_name";
  std::string dataset = "random";
  if (inherited == nullptr) dataset = values.text(name);
  else if (const auto given = values.maybe_text(name)) dataset = *given;
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

// ---- clients and classes ----

PauseConfig read_pause(Resolver& values, const std::string& path) {
  PauseConfig pause;
  pause.mean = values.duration(path);
  pause.exponential = values.text(path + "_distribution") == "exponential";
  return pause;
}

GoodputLimits read_goodput(Resolver& values, const std::string& prefix) {
  return {values.maybe_number(prefix + "ttft"), values.maybe_number(prefix + "tpot"), values.maybe_number(prefix + "e2el")};
}

void warn_idle_lengths(Resolver& values, const std::string& prefix) {
  for (const char* key : {"dataset_name", "dataset_path", "random_input_len", "random_output_len", "random_range_ratio", "input_lengths", "output_lengths"}) {
    if (!values.given(prefix + key)) continue;
    values.mark_read(prefix + key);
    values.warning(prefix + key, fmt::format("'{}{}' has no effect: a trace has its own lengths", prefix, key));
  }
}

void read_classes(Resolver& values, WorkloadConfig& w) {
  constexpr std::size_t kMaxClasses = 1000;
  const bool trace = std::holds_alternative<TraceConfig>(w.arrivals);
  std::vector<std::string> names;
  if (values.count("workload.classes") > kMaxClasses) {
    values.error("workload.classes", fmt::format("more than {} classes", kMaxClasses));
    return;
  }
  for (std::size_t i = 0; i < values.count("workload.classes"); ++i) {
    const std::string element = fmt::format("workload.classes[{}]", i);
    if (!values.given(element)) continue;  // not a map: reported
    const std::string prefix = element + ".";
    RequestClass c;
    c.name = values.maybe_text(prefix + "name").value_or("");
    if (c.name.empty()) values.error(element, element + " has no name", "add a name for the results");
    else if (std::find(names.begin(), names.end(), c.name) != names.end()) values.error(prefix + "name", fmt::format("two classes are called '{}'", c.name));
    names.push_back(c.name);
    c.weight = values.number(prefix + "weight");
    if (trace) warn_idle_lengths(values, prefix);
    else c.lengths = read_length_pair(values, prefix, &w.lengths);
    c.priority = static_cast<int>(values.integer(prefix + "priority"));
    c.goodput = read_goodput(values, prefix + "goodput.");
    w.classes.push_back(c);
  }
}

void read_limits(Resolver& values, WorkloadConfig& w) {
  const bool trace = std::holds_alternative<TraceConfig>(w.arrivals);
  w.num_prompts = values.maybe_integer("workload.num_prompts");
  if (const auto duration = values.maybe_quantity("workload.duration")) w.duration = duration_from_seconds(*duration);
  if (!w.num_prompts && !w.duration && !trace) w.num_prompts = values.integer("workload.num_prompts", {1000, Origin::default_value});
  w.max_concurrency = values.maybe_integer("workload.max_concurrency");
  w.think_time = read_pause(values, "workload.think_time");
  w.client_delay = values.duration("workload.client_delay");
  w.ignore_eos = values.flag("workload.ignore_eos");
  w.max_tokens = values.integer("workload.max_tokens");
}

}  // namespace

LengthConfig read_lengths(Resolver& values, const std::string& path) {
  const YamlNode* node = values.node(path);
  values.record_given(path);
  double value = 0;
  if (node->kind == YamlNode::Kind::map) return LengthReader(values, *node, path).read();
  if (plain_number(*node, value) && value == std::floor(value) && value >= 1 && value <= 1e8) return FixedLength{static_cast<std::int64_t>(value)};
  values.error(path, fmt::format("'{}' must be a number of tokens or a map {{distribution: ...}}", path));
  return FixedLength{1};
}

void build_workload(Resolver& values, Scenario& s) {
  WorkloadConfig& w = s.workload;
  read_arrivals(values, w);
  if (std::holds_alternative<TraceConfig>(w.arrivals)) {
    for (const char* path : {"workload.dataset_name", "workload.random_input_len", "workload.random_output_len", "workload.random_range_ratio",
                             "workload.input_lengths", "workload.output_lengths"}) {
      if (values.given(path)) values.error(path, fmt::format("'{}' cannot be combined with a trace, which has its own lengths", path), "remove one of them");
    }
  } else {
    w.lengths = read_length_pair(values, "workload.", nullptr);
  }
  read_limits(values, w);
  if (values.given("workload.sessions")) {
    SessionConfig sessions;
    if (values.given("workload.sessions.turns")) sessions.turns = read_lengths(values, "workload.sessions.turns");
    sessions.think_time = read_pause(values, "workload.sessions.think_time");
    if (std::holds_alternative<TraceConfig>(w.arrivals)) values.error("workload.sessions", "sessions cannot be combined with a trace, which has its own requests");
    w.sessions = sessions;
  }
  read_classes(values, w);
  w.goodput = read_goodput(values, "goodput.");
}

}  // namespace foretoken
