// What a load that follows the hours of the week costs in a month: a fleet of fixed size against one re-sized every
// hour.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

inline constexpr double kHoursPerMonth = 365.25 * 24 / 12;

// One way to size the fleet over the week.
struct FleetBill {
  int least_replicas = 0;
  int most_replicas = 0;
  double usd_per_month = 0;
  double usd_per_1m_tokens = 0;  // in and out, of what is served; NaN when nothing is
  double used_share = 0;         // of the capacity paid for
  int hours_short = 0;           // of the week, in which more is offered than it can serve
  double unserved_share = 0;     // of the requests of the week
};

// With pools a replica here is a copy of all of them: they are rented and given back together, in the proportion that
// the scenario has.
struct Bill {
  Scenario scenario;
  HourlyPrice price;                // of the deployment as given
  double capacity_per_replica = 0;  // requests/s
  std::string capacity_source;
  double offered_rate = 0;  // what the profile multiplies
  double mean_rate = 0;     // over the week
  double peak_rate = 0;
  double tokens_per_request = 0;      // in and out
  std::vector<int> replicas_by_hour;  // of the re-sized fleet, from Monday 0:00
  FleetBill as_given;  // the scenario's replicas, whatever the hour; of a fleet what bill_of_fleet() says
  FleetBill fixed;     // enough for the busiest hour
  FleetBill resized;   // enough for each hour, at once and without cold starts
};

struct ReplicaCapacity {
  double requests_per_s = 0;
  std::string source;
};
// The largest rate at which one replica alone meets the objectives, by find_capacity(): seconds of simulation.
// Errors: those of find_capacity(), and a search that ended without a number.
[[nodiscard]] Result<ReplicaCapacity> capacity_of_one_replica(const Question& question, const RunOptions& options = {});

// `capacity` stands in where the scenario does not say it. Errors: no price, no load profile, no capacity, or no
// offered rate to multiply.
[[nodiscard]] Result<Bill> monthly_bill(const Scenario& scenario, const std::optional<ReplicaCapacity>& capacity = {});

// The question about replicas that stay: what a fleet's bill is held against.
[[nodiscard]] Question without_fleet(const Question& question, const Scenario& scenario);

// The scenario's fleet (replicas that come and go) simulated through the hours of the load profile: a week, or a day
// where all are alike; a month costs as much as it does. `still` is the bill without it. Errors: those of the run, and
// more requests than are simulated.
[[nodiscard]] Result<FleetBill> bill_of_fleet(const Question& question, const Bill& still, const RunOptions& options);

}  // namespace foretoken
