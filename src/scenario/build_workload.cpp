// Arrivals, clients and classes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

// ---- arrivals ----

void read_trace_config(Resolver& values, WorkloadConfig& w) {
  TraceConfig trace;
  if (!values.given("workload.trace.path")) values.error("workload.trace", "'workload.trace.path' is missing");
  if (const auto path = values.maybe_text("workload.trace.path"))
    trace.path = values.path_of("workload.trace.path", *path);
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
  w.arrivals = TwoStateArrivals{
      required_number(values, "workload.bursts.low_rate"), required_number(values, "workload.bursts.high_rate"),
      required_duration(values, "workload.bursts.mean_low"), required_duration(values, "workload.bursts.mean_high")};
}

void read_profile(Resolver& values, WorkloadConfig& w) {
  ProfileArrivals profile;
  profile.period = required_duration(values, "workload.rate_profile.period");
  profile.rates = values.numbers("workload.rate_profile.rates");
  if (!values.given("workload.rate_profile.rates"))
    values.error("workload.rate_profile", "'workload.rate_profile.rates' is missing");
  w.arrivals = profile;
}

void read_arrivals(Resolver& values, WorkloadConfig& w) {
  struct Way {
    const char* path;
    void (*read)(Resolver&, WorkloadConfig&);
  };
  constexpr Way kWays[] = {{"workload.trace", read_trace_config},
                           {"workload.bursts", read_bursts},
                           {"workload.rate_profile", read_profile},
                           {"workload.ramp_up_strategy", read_ramp},
                           {"workload.request_rate", read_rate}};
  const Way* chosen = nullptr;
  for (const Way& way : kWays) {
    if (!values.given(way.path)) continue;
    if (chosen == nullptr) {
      chosen = &way;
      continue;
    }
    values.error(way.path, fmt::format("'{}' and '{}' both say when requests arrive", chosen->path, way.path),
                 "keep one of them");
  }
  (chosen != nullptr ? chosen->read : read_rate)(values, w);
}

// ---- clients and classes ----

PauseConfig read_pause(Resolver& values, const std::string& path) {
  PauseConfig pause;
  pause.mean = values.duration(path);
  pause.exponential = values.text(path + "_distribution") == "exponential";
  return pause;
}

GoodputLimits read_goodput(Resolver& values, const std::string& prefix) {
  return {values.maybe_number(prefix + "ttft"), values.maybe_number(prefix + "tpot"),
          values.maybe_number(prefix + "e2el")};
}

void warn_idle_lengths(Resolver& values, const std::string& prefix) {
  for (const char* key : {"dataset_name", "dataset_path", "random_input_len", "random_output_len", "random_range_ratio",
                          "random_prefix_len", "input_lengths", "output_lengths"}) {
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
    if (c.name.empty())
      values.error(element, element + " has no name", "add a name for the results");
    else if (c.name.find('\n') != std::string::npos ||
             std::string_view("=+-@").find(c.name.front()) != std::string_view::npos)
      values.error(prefix + "name", fmt::format("'{}' is no name: tables of requests hold it", c.name),
                   "one line, not beginning with = + - or @, which spreadsheets take for a formula");
    else if (std::find(names.begin(), names.end(), c.name) != names.end())
      values.error(prefix + "name", fmt::format("two classes are called '{}'", c.name));
    names.push_back(c.name);
    c.weight = values.number(prefix + "weight");
    if (trace) {
      warn_idle_lengths(values, prefix);
    } else {
      c.lengths = read_length_pair(values, prefix, &w.lengths);
      c.shared_prefix = values.maybe_integer(prefix + "random_prefix_len");
      if (w.media.on()) c.media_items = values.maybe_integer(prefix + "random_mm_base_items_per_request");
    }
    c.priority = static_cast<int>(values.integer(prefix + "priority"));
    c.model = values.maybe_text(prefix + "model").value_or("");
    if (const auto adapter = values.maybe_integer(prefix + "adapter")) c.adapter = static_cast<int>(*adapter);
    c.fair_share = values.number(prefix + "fair_share");
    c.goodput = read_goodput(values, prefix + "goodput.");
    w.classes.push_back(c);
  }
}

void read_limits(Resolver& values, WorkloadConfig& w) {
  const bool trace = std::holds_alternative<TraceConfig>(w.arrivals);
  w.num_prompts = values.maybe_integer("workload.num_prompts");
  if (const auto duration = values.maybe_quantity("workload.duration")) w.duration = duration_from_seconds(*duration);
  if (!w.num_prompts && !w.duration && !trace)
    w.num_prompts = values.integer("workload.num_prompts", {1000, Origin::default_value});
  w.max_concurrency = values.maybe_integer("workload.max_concurrency");
  w.think_time = read_pause(values, "workload.think_time");
  w.client_delay = values.duration("workload.client_delay");
  w.ignore_eos = values.flag("workload.ignore_eos");
  w.max_tokens = values.integer("workload.max_tokens");
  w.stop_string_share = values.number("workload.stop_string_share");
}

}  // namespace

void build_workload(Resolver& values, Scenario& s) {
  WorkloadConfig& w = s.workload;
  read_arrivals(values, w);
  if (std::holds_alternative<TraceConfig>(w.arrivals)) {
    for (const char* path : {"workload.dataset_name", "workload.random_input_len", "workload.random_output_len",
                             "workload.random_range_ratio", "workload.random_prefix_len", "workload.input_lengths",
                             "workload.output_lengths"}) {
      if (values.given(path))
        values.error(path, fmt::format("'{}' cannot be combined with a trace, which has its own lengths", path),
                     "remove one of them");
    }
  } else {
    w.lengths = read_length_pair(values, "workload.", nullptr);
    w.shared_prefix = values.integer("workload.random_prefix_len");
  }
  read_limits(values, w);
  if (values.given("workload.sessions")) {
    SessionConfig sessions;
    if (values.given("workload.sessions.turns")) sessions.turns = read_lengths(values, "workload.sessions.turns");
    sessions.think_time = read_pause(values, "workload.sessions.think_time");
    if (std::holds_alternative<TraceConfig>(w.arrivals))
      values.error("workload.sessions", "sessions cannot be combined with a trace, which has its own requests");
    w.sessions = sessions;
  }
  read_classes(values, w);
  read_adapters(values, w);
  if (s.engine.scheduling_policy == "vtc") {
    for (const RequestClass& c : w.classes) s.engine.fair_shares.push_back(c.fair_share);
  }
  build_client(values, s);
  w.goodput = read_goodput(values, "goodput.");
}

}  // namespace foretoken
