// Hours of the week times replicas times price.
#include "study/bill/bill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "foretoken/study/capacity.hpp"

namespace foretoken {
namespace {

constexpr double kMaxReplicas = 100'000;
// So that 3 x 0.1 over 0.1 is three replicas and not four.
constexpr double kRoundingSlack = 1e-9;

Diagnostics what_is_missing(const Scenario& s, const WorkloadSummary& load, bool has_capacity) {
  Diagnostics problems;
  const SourceLocation where{s.name, 0, 0};
  if (!price_per_hour(s))
    problems.error(where, "the bill needs a price",
                   "give prices.gpu_hour, or prices: {examples: true} to see how it looks");
  if (s.prices.load_profile.empty())
    problems.error(where, "the bill needs the load by hour: prices.load_profile",
                   "24 multiples of the offered rate, {weekday: [...], weekend: [...]} or 168 from Monday 0:00");
  if (!has_capacity)
    problems.error(where, "the bill needs what one replica can serve: prices.capacity_per_replica, in requests/s",
                   "or objectives (slo), and the largest rate at which one replica meets them is searched for");
  if (!(load.offered_rate > 0) || std::isinf(load.offered_rate))
    problems.error(where, "this workload has no offered rate for the load profile to multiply",
                   "set workload.request_rate");
  return problems;
}

// What the scenario has of what is rented and given back: replicas, or pools as a whole.
int units_as_given(const Scenario& s) {
  return s.pools.empty() ? s.cluster.replicas : 1;
}

// The fleet whose replicas by hour are `replicas`.
FleetBill bill_of(const Bill& bill, const std::vector<double>& rates, const std::vector<int>& replicas) {
  FleetBill fleet;
  fleet.least_replicas = *std::min_element(replicas.begin(), replicas.end());
  fleet.most_replicas = *std::max_element(replicas.begin(), replicas.end());
  const double usd_per_replica_hour = bill.price.usd / units_as_given(bill.scenario);
  double replica_hours = 0, offered = 0, served = 0, capacity = 0;
  for (std::size_t hour = 0; hour < rates.size(); ++hour) {
    // Spares stand by: they are paid for, and what they could do is not counted on.
    const double can = (replicas[hour] - bill.scenario.spare) * bill.capacity_per_replica;
    replica_hours += replicas[hour];
    capacity += can;
    offered += rates[hour];
    served += std::min(rates[hour], can);
    fleet.hours_short += rates[hour] > can * (1 + kRoundingSlack) ? 1 : 0;
  }
  const double weeks = kHoursPerMonth / static_cast<double>(rates.size());
  fleet.usd_per_month = replica_hours * usd_per_replica_hour * weeks;
  const double tokens = served * 3600 * weeks * bill.tokens_per_request;
  fleet.usd_per_1m_tokens = tokens > 0 ? fleet.usd_per_month / tokens * 1e6 : std::numeric_limits<double>::quiet_NaN();
  fleet.used_share = capacity > 0 ? served / capacity : 0;
  fleet.unserved_share = fleet.hours_short > 0 ? 1 - served / offered : 0;
  return fleet;
}

}  // namespace

Result<ReplicaCapacity> capacity_of_one_replica(const Question& question, const RunOptions& options) {
  Diagnostics problems;
  const Result<Scenario> given = question.scenario();
  if (!given) return given.error();
  const bool pools = !given->pools.empty();
  std::vector<std::string> set{"capacity.variable=request_rate"};
  if (!pools) set.insert(set.end(), {"replicas=1", "spare=0", "hardware.num_gpus=null"});
  const Question one = question.with(set);
  const Result<Scenario> scenario = one.scenario();
  if (!scenario) return scenario.error();
  const Result<CapacityResult> found = find_capacity(one, *scenario, options);
  if (!found) return found.error();
  if (found->capacity && !found->interrupted)
    return ReplicaCapacity{*found->capacity, pools ? "the largest rate at which the pools as given meet slo"
                                                   : "the largest rate at which one replica meets slo"};
  problems.error(question.whole(),
                 fmt::format("no capacity of one replica was found: {}", !found->feasible     ? found->memory.verdict
                                                                         : found->interrupted ? "interrupted"
                                                                                              : found->reason),
                 "give prices.capacity_per_replica");
  return problems;
}

Result<Bill> monthly_bill(const Scenario& scenario, const std::optional<ReplicaCapacity>& capacity) {
  const Result<WorkloadSummary> load = workload_summary(scenario);
  if (!load) return load.error();
  Diagnostics problems = what_is_missing(scenario, *load, scenario.prices.capacity_per_replica || capacity);
  if (problems.has_errors()) return problems;
  Bill bill;
  bill.scenario = scenario;
  bill.price = *price_per_hour(scenario);
  bill.capacity_per_replica = scenario.prices.capacity_per_replica.value_or(capacity ? capacity->requests_per_s : 0);
  bill.capacity_source = scenario.prices.capacity_per_replica ? "prices.capacity_per_replica" : capacity->source;
  bill.offered_rate = load->offered_rate;
  bill.tokens_per_request = load->mean_prompt_tokens + load->mean_output_tokens;
  std::vector<double> rates;
  for (const double multiple : scenario.prices.load_profile) {
    const double rate = multiple * load->offered_rate;
    const double needed = std::ceil(rate / bill.capacity_per_replica - kRoundingSlack);
    if (needed > kMaxReplicas) {
      problems.error({scenario.name, 0, 0}, fmt::format("an hour of the load profile needs {:g} replicas", needed),
                     "check prices.capacity_per_replica and prices.load_profile");
      return problems;
    }
    rates.push_back(rate);
    bill.replicas_by_hour.push_back(std::max(scenario.prices.min_replicas, static_cast<int>(needed)) + scenario.spare);
    bill.mean_rate += rate / static_cast<double>(scenario.prices.load_profile.size());
    bill.peak_rate = std::max(bill.peak_rate, rate);
  }
  const int most = *std::max_element(bill.replicas_by_hour.begin(), bill.replicas_by_hour.end());
  bill.resized = bill_of(bill, rates, bill.replicas_by_hour);
  bill.fixed = bill_of(bill, rates, std::vector<int>(rates.size(), most));
  bill.as_given = bill_of(bill, rates, std::vector<int>(rates.size(), units_as_given(scenario)));
  return bill;
}

}  // namespace foretoken
