// A fleet that scales itself through the week of the load profile.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/run.hpp"
#include "study/bill/bill.hpp"

namespace foretoken {
namespace {

constexpr double kMostOfWeek = 30e6;  // that are simulated: minutes

// The days are often the same: then one is enough.
std::vector<double> shortest_period(const std::vector<double>& week) {
  constexpr std::size_t kDay = 24;
  for (std::size_t i = kDay; i < week.size(); ++i) {
    if (week[i] != week[i - kDay]) return week;
  }
  return {week.begin(), week.begin() + static_cast<std::ptrdiff_t>(std::min(week.size(), kDay))};
}

// Hours in which what was ready could not serve what came, by the mean of the hour.
int hours_short_of(const std::vector<FleetTotals::Count>& counts, TimePoint end, const std::vector<double>& rates,
                   double capacity) {
  const Duration hour = std::chrono::hours{1};
  int hours = 0;
  for (std::size_t h = 0; h < rates.size(); ++h) {
    const TimePoint from = TimePoint{} + hour * static_cast<std::int64_t>(h), to = std::min(end, from + hour);
    double ready = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const TimePoint begins = std::max(from, counts[i].at);
      const TimePoint ends = std::min(to, i + 1 < counts.size() ? counts[i + 1].at : end);
      if (ends > begins) ready += counts[i].ready * to_seconds(ends - begins) / 3600;
    }
    hours += rates[h] > ready * capacity ? 1 : 0;
  }
  return hours;
}

}  // namespace

Question without_fleet(const Question& question, const Scenario& scenario) {
  std::vector<std::string> set{"fleet=null"};
  for (const PoolPlan& pool : scenario.pools) set.push_back(fmt::format("pools.{}.fleet=null", pool.name));
  return question.with(set);
}

Result<FleetBill> bill_of_fleet(const Question& question, const Bill& still, const RunOptions& options) {
  Diagnostics problems;
  std::vector<double> rates = still.scenario.prices.load_profile;
  for (double& rate : rates) rate *= still.offered_rate;
  rates = shortest_period(rates);
  double requests = 0;
  for (const double rate : rates) requests += rate * 3600;
  if (requests > kMostOfWeek) {
    problems.error(
        question.whole(),
        fmt::format("the fleet would be simulated through {} hours with {:.3g} million requests; at most {:g}",
                    rates.size(), requests * 1e-6, kMostOfWeek * 1e-6),
        "a smaller workload.request_rate and fewer replicas, or leave 'fleet' out");
    return problems;
  }
  const Question week = question.without_sweep().with(
      {"workload.request_rate=null", "workload.num_prompts=null", "replications=1",
       fmt::format("workload.rate_profile={{period: {} h, rates: [{}]}}", rates.size(), fmt::join(rates, ", ")),
       fmt::format("workload.duration={} h", rates.size())});
  const Result<Scenario> scenario = week.scenario();
  if (!scenario) return scenario.error();
  const Result<RunResult> run = run_scenario(*scenario, options);
  if (!run) return run.error();
  if (!run->feasible || run->interrupted || run->replications.empty()) {
    problems.error(question.whole(), run->feasible ? "interrupted" : run->memory.verdict);
    return problems;
  }
  const SimulationOutcome& outcome = run->replications.front().outcome;
  const double hours = to_seconds(outcome.end.time_since_epoch()) / 3600;
  const auto served = static_cast<double>(outcome.finished);
  FleetBill bill;
  bill.least_replicas = bill.most_replicas = outcome.fleet.counts.front().paid;
  for (const FleetTotals::Count& c : outcome.fleet.counts) {
    bill.least_replicas = std::min(bill.least_replicas, c.paid);
    bill.most_replicas = std::max(bill.most_replicas, c.paid);
  }
  const double run_cost = run->summary["run_cost"];
  bill.usd_per_month = run_cost / hours * kHoursPerMonth;
  bill.usd_per_1m_tokens = served > 0 ? run_cost / (served * still.tokens_per_request) * 1e6 : std::nan("");
  // Of several pools no one figure says what a replica serves.
  if (still.scenario.pools.empty()) {
    const double paid = static_cast<double>(outcome.fleet.paid()) * 1e-9;
    bill.used_share = paid > 0 ? served / (paid * still.capacity_per_replica) : 0;
    bill.hours_short = hours_short_of(outcome.fleet.counts, outcome.end, rates, still.capacity_per_replica);
    bill.hours_short *= static_cast<int>(still.scenario.prices.load_profile.size() / rates.size());
  } else {
    bill.used_share = std::nan("");
  }
  const auto arrived = static_cast<double>(outcome.arrived);
  bill.unserved_share = arrived > 0 ? 1 - served / arrived : 0;
  return bill;
}

}  // namespace foretoken
