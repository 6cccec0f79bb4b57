// Who decides how many replicas a fleet has. Defaults are the systems' own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

using P = AutoscalerPolicy;
using Policies = std::initializer_list<P>;

std::string path_of(const char* key) {
  return std::string("fleet.autoscaler.") + key;
}

bool is_one_of(P policy, Policies policies) {
  return std::find(policies.begin(), policies.end(), policy) != policies.end();
}

// What systems do by themselves.
struct Defaults {
  P policy;
  int least;
  double interval, window, up_delay, down_delay, panic_window, up_rate, target;  // s; target 0: none
};
constexpr Defaults kDefaults[] = {{P::hpa, 1, 15, 0, 0, 0, 0, 0, 0},
                                  {P::keda, 0, 15, 0, 0, 0, 0, 0, 0},
                                  {P::ray, 1, 0.1, 30, 30, 600, 0, 0, 2},
                                  {P::knative, 0, 2, 60, 0, 0, 6, 1000, 70},
                                  {P::kubeai, 0, 10, 600, 0, 30, 0, 0, 100},
                                  {P::aibrix_kpa, 1, 10, 180, 0, 300, 60, 2, 0},
                                  {P::aibrix_apa, 1, 10, 60, 0, 300, 0, 2, 0},
                                  {P::dynamo, 1, 5, 180, 0, 0, 0, 0, 1},
                                  {P::wva, 1, 60, 0, 0, 0, 0, 0, 1}};

class Builder {
 public:
  Builder(Resolver& values, P policy, AutoscalerConfig& a) : values_(values), policy_(policy), a_(a) {
    own_ = *std::find_if(std::begin(kDefaults), std::end(kDefaults),
                         [&](const Defaults& d) { return d.policy == policy; });
  }

  void metric() {
    if (reads("metric", {P::hpa, P::keda, P::ray, P::knative, P::kubeai, P::aibrix_kpa, P::aibrix_apa}))
      a_.metric = named<ScaleMetric>("metric", kScaleMetrics);
    if (policy_ == P::dynamo) a_.metric = ScaleMetric::request_rate;
    if (reads("metric_of", {P::hpa})) a_.per_replica = values_.text(path_of("metric_of")) == "replicas";
    if (a_.per_replica && a_.metric == ScaleMetric::request_rate)
      values_.error(path_of("metric_of"), "'request_rate' is a metric of the fleet: replicas do not publish it",
                    "metric_of: fleet, or another metric");
    if (!a_.per_replica && a_.metric == ScaleMetric::kv_usage && is_one_of(policy_, {P::hpa}))
      values_.error(path_of("metric"), "shares of KV blocks do not add up over a fleet", "metric_of: replicas");
    else if (a_.metric == ScaleMetric::kv_usage && policy_ != P::hpa &&
             is_one_of(policy_, {P::keda, P::ray, P::kubeai}))
      values_.error(
          path_of("metric"),
          fmt::format("'{}' sums its metric over the fleet, and shares of KV blocks do not add up", to_string(policy_)),
          "in_flight, waiting or running; hpa with metric_of: replicas takes shares");
    if (!reads("target", {P::hpa, P::keda, P::ray, P::knative, P::kubeai, P::aibrix_kpa, P::aibrix_apa})) return;
    if (own_.target > 0)
      a_.target = values_.number(path_of("target"), {own_.target, Origin::derived, by_policy()});
    else if (const auto target = values_.maybe_number(path_of("target")))
      a_.target = *target;
    else
      values_.error("fleet.autoscaler",
                    fmt::format("'{}' needs a target of its metric per replica", to_string(policy_)),
                    "target: 16 (requests in flight on one replica)");
  }

  void times() {
    a_.interval = duration("interval", own_.interval);
    a_.age = duration("metric_age", is_one_of(policy_, {P::hpa, P::keda}) ? 30 : 0);
    const bool rate = a_.metric == ScaleMetric::request_rate && own_.window == 0;
    if (reads("metric_window",
              {P::hpa, P::keda, P::ray, P::knative, P::kubeai, P::aibrix_kpa, P::aibrix_apa, P::dynamo}))
      a_.window = duration("metric_window", rate ? 60 : own_.window);
    if (a_.per_replica && values_.given(path_of("metric_window")))
      values_.warning(path_of("metric_window"),
                      "'fleet.autoscaler.metric_window' has no effect: the newest value of each replica counts");
    else if (!a_.per_replica && a_.window > Duration{} && a_.window < a_.interval)
      values_.error(
          path_of(values_.given(path_of("metric_window")) ? "metric_window" : "interval"),
          fmt::format("'metric_window' of {:.6g} s is shorter than 'interval' of {:.6g} s: of the time between "
                      "nothing would be seen",
                      to_seconds(a_.window), to_seconds(a_.interval)),
          "let it be as long");
    if (reads("upscale_delay", {P::ray})) a_.up_delay = values_.duration(path_of("upscale_delay"));
    if (reads("downscale_delay", {P::ray, P::knative, P::kubeai, P::aibrix_kpa, P::aibrix_apa}))
      a_.down_delay = duration("downscale_delay", own_.down_delay);
    if (reads("upscaling_factor", {P::ray})) a_.up_factor = values_.number(path_of("upscaling_factor"));
    if (reads("downscaling_factor", {P::ray})) a_.down_factor = values_.number(path_of("downscaling_factor"));
    if (reads("panic_window", {P::knative, P::aibrix_kpa}))
      a_.panic_window = duration("panic_window", own_.panic_window);
    if (reads("panic_threshold", {P::knative, P::aibrix_kpa}))
      a_.panic_threshold = values_.number(path_of("panic_threshold"));
    if (a_.panic_window > a_.window)
      values_.error(path_of("panic_window"), "'panic_window' is longer than 'metric_window'",
                    "a tenth of it (Knative)");
    if (reads("max_scale_up_rate", {P::knative, P::aibrix_kpa, P::aibrix_apa}))
      a_.up_rate = values_.number(path_of("max_scale_up_rate"), {own_.up_rate, Origin::derived, by_policy()});
    if (reads("max_scale_down_rate", {P::knative, P::aibrix_kpa, P::aibrix_apa}))
      a_.down_rate = values_.number(path_of("max_scale_down_rate"));
    if (reads("scale_to_zero_grace", {P::knative})) a_.zero_grace = values_.duration(path_of("scale_to_zero_grace"));
  }

  void hpa() {
    if (reads("tolerance", {P::hpa, P::keda, P::aibrix_apa})) a_.tolerance = values_.number(path_of("tolerance"));
    if (reads("polling_interval", {P::keda})) a_.polling = values_.duration(path_of("polling_interval"));
    if (reads("cooldown_period", {P::keda})) a_.cooldown = values_.duration(path_of("cooldown_period"));
    if (reads("activation", {P::keda})) a_.activation = values_.number(path_of("activation"));
    const bool up = reads("scale_up", {P::hpa, P::keda}) && values_.given(path_of("scale_up"));
    const bool down = reads("scale_down", {P::hpa, P::keda}) && values_.given(path_of("scale_down"));
    for (const char* key : {"scale_up", "scale_down"}) {
      if (!is_one_of(policy_, {P::hpa, P::keda}) && values_.given(path_of(key))) values_.mark_tree_read(path_of(key));
    }
    a_.behaves = up || down;
    if (a_.behaves) {
      a_.up = rules("scale_up", up);
      a_.down = rules("scale_down", down);
    }
    if (!reads("downscale_stabilization", {P::hpa, P::keda})) return;
    if (!a_.behaves)
      a_.stabilization = values_.duration(path_of("downscale_stabilization"));
    else if (values_.given(path_of("downscale_stabilization"))) {
      values_.mark_read(path_of("downscale_stabilization"));
      values_.warning(path_of("downscale_stabilization"),
                      "'fleet.autoscaler.downscale_stabilization' has no effect beside scale_up or scale_down",
                      "scale_down: {stabilization_window: 300 s}");
    }
  }

  void dynamo() {
    if (reads("optimize", {P::dynamo})) a_.aim = named<PlannerAim>("optimize", kPlannerAims);
    const bool sla = a_.aim == PlannerAim::sla;
    if (reads("replica_rate", {P::dynamo})) a_.replica_rate = values_.maybe_number(path_of("replica_rate")).value_or(0);
    if (sla && values_.given(path_of("replica_rate")))
      values_.warning(path_of("replica_rate"),
                      "'fleet.autoscaler.replica_rate' has no effect: with optimize: sla the "
                      "rate of a replica follows from its step times");
    if (reads("ttft", {P::dynamo})) a_.ttft = values_.duration(path_of("ttft"));
    if (reads("itl", {P::dynamo})) a_.itl = values_.duration(path_of("itl"));
    if (reads("down_sensitivity", {P::dynamo})) a_.down_sensitivity = values_.number(path_of("down_sensitivity"));
    for (const char* key : {"ttft", "itl", "down_sensitivity"}) {
      if (policy_ == P::dynamo && !sla && values_.given(path_of(key)))
        values_.warning(path_of(key),
                        fmt::format("'{}' has no effect: optimize is {}", path_of(key), to_string(a_.aim)),
                        "optimize: sla");
    }
  }

  void bounds() {
    a_.least = static_cast<int>(values_.integer(path_of("min_replicas"), {own_.least, Origin::derived, by_policy()}));
    if (a_.least > 0) return;
    if (!is_one_of(policy_, {P::keda, P::ray, P::knative, P::kubeai}))
      values_.error(path_of("min_replicas"), fmt::format("'{}' does not scale to zero", to_string(policy_)),
                    "1 or more; keda, ray, knative and kubeai go to 0");
    else if (values_.text("fleet.when_none_ready") == "reject")
      values_.error(values_.given(path_of("min_replicas")) ? path_of("min_replicas") : "fleet.when_none_ready",
                    "with no replica all requests are rejected, and none is ever seen",
                    "min_replicas: 1, or when_none_ready: hold");
  }

 private:
  [[nodiscard]] std::string by_policy() const { return std::string(to_string(policy_)); }

  // Whether the policy looks at the key; who gives one that it does not is told.
  bool reads(const char* key, Policies policies) {
    if (is_one_of(policy_, policies)) return true;
    const std::string path = path_of(key);
    if (!values_.given(path)) return false;
    values_.mark_read(path);
    std::string names;
    for (const P p : policies) names += (names.empty() ? "" : ", ") + std::string(to_string(p));
    values_.warning(path, fmt::format("'{}' has no effect: policy is {}", path, to_string(policy_)),
                    "read by " + names);
    return false;
  }
  Duration duration(const char* key, double seconds) {
    return duration_from_seconds(values_.quantity(path_of(key), {seconds, Origin::derived, by_policy()}));
  }
  template <class Enum>
  Enum named(const char* key, int count) {
    const std::string name = values_.text(path_of(key));
    for (int i = 0; i < count; ++i) {
      if (to_string(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
    }
    return {};
  }
  ScalingRules rules(const char* key, bool given) {
    const bool up = std::string_view(key) == "scale_up";
    const std::string at = path_of(key);
    ScalingRules rules;
    rules.window = Duration{};
    if (!up) rules.window = duration_from_seconds(300);
    if (given) {
      rules.window = values_.duration(at + ".stabilization_window");
      const std::string select = values_.text(at + ".select_policy");
      rules.least = select == "min";
      rules.disabled = select == "disabled";
    }
    const std::size_t entries = given ? values_.count(at + ".policies") : 0;
    for (std::size_t i = 0; i < entries; ++i) {
      const std::string entry = fmt::format("{}.policies[{}]", at, i);
      const auto pods = values_.maybe_integer(entry + ".pods");
      const auto percent = values_.maybe_number(entry + ".percent");
      if (pods.has_value() == percent.has_value())
        values_.error(entry, fmt::format("'{}' needs either `pods` or `percent`", entry),
                      "{percent: 100, period: 15 s}");
      rules.limits.push_back({percent.has_value(), percent ? *percent : static_cast<double>(pods.value_or(1)),
                              values_.duration(entry + ".period")});
    }
    if (!rules.limits.empty()) return rules;
    const Duration period = std::chrono::seconds{15};
    if (up) rules.limits.push_back({false, 4, period});
    rules.limits.push_back({true, 100, period});
    return rules;
  }

  Resolver& values_;
  P policy_;
  AutoscalerConfig& a_;
  Defaults own_{};
};

}  // namespace

void build_autoscaler(Resolver& values, FleetConfig& fleet) {
  if (!values.given("fleet.autoscaler")) return;
  const std::optional<std::string> name = values.maybe_text("fleet.autoscaler.policy");
  if (!name) {
    if (!values.diagnostics().has_errors())
      values.error("fleet.autoscaler", "'fleet.autoscaler' does not say its policy", "{policy: hpa, target: 16}");
    values.mark_tree_read("fleet.autoscaler");
    return;
  }
  for (int i = 1; i < kAutoscalerPolicies; ++i) {
    if (to_string(static_cast<P>(i)) == *name) fleet.autoscaler.policy = static_cast<P>(i);
  }
  if (values.count("fleet.schedule") > 0)
    values.error("fleet.schedule", "'fleet.schedule' and 'fleet.autoscaler' both say how many replicas are wanted",
                 "leave one of them out");
  if (!values.given("fleet.max_replicas"))
    values.error("fleet.autoscaler", "'fleet.autoscaler' needs 'fleet.max_replicas': as many as there are GPUs for",
                 "fleet: {max_replicas: 8, autoscaler: ...}");
  Builder build(values, fleet.autoscaler.policy, fleet.autoscaler);
  build.metric();
  build.times();
  build.hpa();
  build.dynamo();
  build.bounds();
}

}  // namespace foretoken
