// Who is not let in.
#include <fmt/format.h>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

void warn_of_limit(Resolver& values, const char* key, bool idle, const char* reason) {
  const std::string path = fmt::format("admission.{}", key);
  if (idle && values.given(path)) values.warning(path, fmt::format("'{}' has no effect: {}", path, reason));
}

}  // namespace

void build_admission(Resolver& values, Scenario& s) {
  if (!values.given("admission")) return;
  AdmissionConfig& a = s.cluster.admission;
  a.on = true;
  a.max_in_flight = values.maybe_integer("admission.max_in_flight").value_or(0);
  const auto shed = values.maybe_integer("admission.shed_priority");
  a.sheds = shed.has_value();
  a.shed_priority = static_cast<int>(shed.value_or(0));
  a.sheds_by_chance = values.text("admission.shed") == "probabilistic";
  a.queue_threshold = values.number("admission.queue_threshold");
  a.kv_threshold = values.number("admission.kv_threshold");
  a.stale_after = values.duration("admission.stale_after");
  a.tokens_per_second = values.maybe_number("admission.tokens_per_second").value_or(0);
  a.burst_tokens = values.number("admission.burst_tokens");
  a.counts_outputs = values.text("admission.counts") == "total";
  a.per_class = values.flag("admission.per_class");
  a.queues = values.flag("admission.flow_control");
  a.queue_requests = values.integer("admission.queue_requests");
  a.queue_timeout = values.duration("admission.queue_timeout");
  if (a.max_in_flight == 0 && !a.sheds && !a.queues && a.tokens_per_second == 0)
    values.error("admission", "'admission' without a limit lets everybody in",
                 "give max_in_flight, flow_control, shed_priority or tokens_per_second");
  if (a.queues && a.sheds)
    values.error("admission.shed_priority", "'admission.shed_priority' is of servers without flow control",
                 "leave out one of them");
  if (a.queues && (values.given("fleet") || s.cluster.fleet.on))
    values.error("admission.flow_control", "'admission.flow_control' before replicas that come and go is not modelled",
                 "leave it out: fleet.when_none_ready says who waits");
  if (a.queues && has_several_models(s))
    values.error("admission.flow_control",
                 "'admission.flow_control' before pools of several models is not modelled: each would have its own",
                 "max_in_flight or shed_priority, which look at the pools of the request's model");
  for (const char* key : {"queue_threshold", "kv_threshold", "stale_after"})
    warn_of_limit(values, key, !a.sheds && !a.queues, "there is no admission.shed_priority or flow_control");
  warn_of_limit(values, "shed", !a.sheds, "there is no admission.shed_priority");
  for (const char* key : {"queue_requests", "queue_timeout"})
    warn_of_limit(values, key, !a.queues, "admission.flow_control is false");
  for (const char* key : {"burst_tokens", "counts", "per_class"})
    warn_of_limit(values, key, a.tokens_per_second == 0, "there is no admission.tokens_per_second");
  warn_of_limit(values, "per_class", a.tokens_per_second > 0 && s.workload.classes.empty(),
                "there are no workload.classes");
  bool any = false;
  for (const RequestClass& c : s.workload.classes) any = any || c.priority >= a.shed_priority;
  if (a.sheds && a.shed_priority > 0 && !any)
    values.warning(
        "admission.shed_priority",
        fmt::format("'admission.shed_priority' has no effect: no class has a priority of {} or more", a.shed_priority),
        "priorities are of workload.classes, and 0 without");
}

}  // namespace foretoken
