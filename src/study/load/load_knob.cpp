// Every form of arrivals is turned up by a common factor; a closed loop by its number of clients.
#include "study/load/load_knob.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

// As the field table has them.
constexpr double kLeastRate = 1e-6, kMostRate = 1e9;
constexpr double kMostClients = 1e7;
// Requests and conversations per client below which a closed loop has hardly begun before it ends.
constexpr double kLeastPerClient = 8, kLeastConversations = 2;

bool is_closed_loop(const WorkloadConfig& w) {
  return w.max_concurrency && std::holds_alternative<AllAtOnceArrivals>(w.arrivals);
}

// Clients are people when they read or think between two requests.
bool has_users(const WorkloadConfig& w) {
  return is_closed_loop(w) && (w.sessions || w.think_time.mean > Duration{});
}

double mean_turns(const SessionConfig& sessions) {
  // summarise_workload() has it in the rate: requests are conversations times turns.
  WorkloadConfig one;
  one.arrivals = RenewalArrivals{1};
  one.sessions = sessions;
  const Result<WorkloadSummary> summary = summarise_workload(one);
  return summary ? std::max(1.0, summary->offered_rate) : 1;
}

Result<double> mean_arrival_rate(const WorkloadConfig& workload) {
  WorkloadConfig open = workload;
  open.max_concurrency.reset();
  open.sessions.reset();
  open.think_time = {};
  open.client_delay = {};
  const Result<WorkloadSummary> summary = summarise_workload(open);
  if (!summary) return summary.error();
  return summary->offered_rate;
}

SourceLocation workload_of(const Scenario& s) {
  SourceLocation where{s.name, 0, 0};
  for (const ResolvedField& f : s.fields) {
    if (f.path == "capacity.variable" && f.where.line > 0) return f.where;
    if (where.line == 0 && f.path.starts_with("workload.") && f.where.line > 0) where = f.where;
  }
  return where;
}

Result<LoadKnob> rate_knob(const Scenario& s) {
  LoadKnob knob;
  knob.workload = s.workload;
  knob.load_factor = s.load_factor;
  knob.unit = s.workload.sessions ? "conversations/s" : "requests/s";
  Diagnostics problems;
  if (std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals)) {
    problems.error(workload_of(s), "there is no request_rate to raise: workload.request_rate is inf",
                   is_closed_loop(s.workload)
                       ? "--variable max_concurrency raises the number of clients; --set workload.request_rate=1 "
                         "--set workload.max_concurrency=null makes it an open loop"
                       : "--set workload.request_rate=1 lets requests arrive at a rate; --set "
                         "workload.max_concurrency=1 makes it a closed loop of so many clients");
    return problems;
  }
  const Result<double> rate = mean_arrival_rate(s.workload);
  if (!rate) return rate.error();
  if (!(*rate > 0) || !std::isfinite(*rate)) {
    problems.error(workload_of(s), "there is no request_rate to raise: all requests arrive at once",
                   "choose a longer slice of the trace, or give workload.request_rate");
    return problems;
  }
  knob.offered = *rate;
  knob.least = kLeastRate;
  knob.most = kMostRate;
  if (std::holds_alternative<TraceConfig>(s.workload.arrivals)) {
    knob.least = *rate * kLeastRate;
    knob.most = *rate * kMostRate;
  }
  return knob;
}

Result<LoadKnob> clients_knob(const Scenario& s, LoadVariable variable) {
  LoadKnob knob;
  knob.variable = variable;
  knob.workload = s.workload;
  knob.load_factor = s.load_factor;
  knob.whole = true;
  knob.unit = variable == LoadVariable::users ? "users" : "clients";
  Diagnostics problems;
  if (variable == LoadVariable::users && !has_users(s.workload)) {
    problems.error(workload_of(s),
                   "there are no users to add: users are the clients of a closed loop who pause or converse",
                   "--set workload.request_rate=inf --set workload.max_concurrency=10 --set 'workload.think_time=10 "
                   "s' makes ten of them");
    return problems;
  }
  if (!s.workload.max_concurrency) {
    problems.error(workload_of(s), "there is no max_concurrency to raise: requests arrive by themselves",
                   "--set workload.request_rate=inf --set workload.max_concurrency=1 makes it a closed loop");
    return problems;
  }
  const bool duration =
      std::any_of(s.slo.begin(), s.slo.end(), [](const SloLine& l) { return l.metric == "duration"; });
  knob.keeps_length = s.workload.num_prompts && is_closed_loop(s.workload) && !duration;
  knob.offered = static_cast<double>(*s.workload.max_concurrency);
  knob.least = 1;
  knob.most = kMostClients;
  return knob;
}

void set_rates(const WorkloadConfig& w, double load, double factor, std::vector<std::string>& set) {
  const auto rate = [&](const char* path, double value) { set.push_back(fmt::format("workload.{}={}", path, value)); };
  if (std::holds_alternative<RenewalArrivals>(w.arrivals)) {
    rate("request_rate", load);
  } else if (const auto* ramp = std::get_if<RampArrivals>(&w.arrivals)) {
    rate("ramp_up_start_rps", ramp->start_rate * factor);
    rate("ramp_up_end_rps", ramp->end_rate * factor);
  } else if (const auto* states = std::get_if<TwoStateArrivals>(&w.arrivals)) {
    rate("bursts.low_rate", states->low_rate * factor);
    rate("bursts.high_rate", states->high_rate * factor);
  } else if (const auto* profile = std::get_if<ProfileArrivals>(&w.arrivals)) {
    std::vector<double> rates = profile->rates;
    for (double& r : rates) r *= factor;
    set.push_back(fmt::format("workload.rate_profile.rates=[{}]", fmt::join(rates, ", ")));
  } else if (const auto* trace = std::get_if<TraceConfig>(&w.arrivals)) {
    rate("trace.rate_scale", trace->rate_scale * factor);
  }
}

}  // namespace

std::vector<std::string> LoadKnob::set(double load) const {
  std::vector<std::string> set;
  // `load` is the whole of it.
  if (load_factor != 1) set.emplace_back("workload.load_factor=1");
  if (variable == LoadVariable::request_rate) {
    set_rates(workload, load, load / offered, set);
    return set;
  }
  set.push_back(fmt::format("workload.max_concurrency={}", std::llround(load)));
  if (!keeps_length) return set;
  const double turns = workload.sessions ? mean_turns(*workload.sessions) : 1;
  const auto needed = std::llround(std::ceil(load * std::max(kLeastPerClient, kLeastConversations * turns)));
  if (needed > *workload.num_prompts) set.push_back(fmt::format("workload.num_prompts={}", needed));
  return set;
}

Result<LoadKnob> load_knob(const Scenario& s) {
  LoadVariable variable = LoadVariable::request_rate;
  if (s.capacity.variable)
    variable = *s.capacity.variable;
  else if (has_users(s.workload))
    variable = LoadVariable::users;
  else if (is_closed_loop(s.workload))
    variable = LoadVariable::max_concurrency;
  return variable == LoadVariable::request_rate ? rate_knob(s) : clients_knob(s, variable);
}

}  // namespace foretoken
