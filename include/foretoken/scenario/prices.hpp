// What things cost, as far as the scenario says: whoever leaves it out gets no figure in money.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/cost/deployment.hpp"
#include "foretoken/hardware/gpu_hour_prices.hpp"

namespace foretoken {

struct PriceConfig {
  bool given = false;  // there is a section `prices`
  Purchase purchase = Purchase::on_demand;
  std::optional<double> gpu_hour;        // USD, of this deployment's GPU bought that way; empty = not said
  bool examples = false;                 // the catalog's example price stands in where gpu_hour says nothing
  std::optional<double> kwh;             // USD
  std::optional<double> grid_g_per_kwh;  // CO2 equivalent
  // For the bill: load by hour of the week from Monday 0:00, as multiples of the offered rate; 168 numbers or none.
  std::vector<double> load_profile;
  std::optional<double> capacity_per_replica;  // requests/s within the objectives; empty = not said
  int min_replicas = 1;                        // kept in the quietest hour
  bool operator==(const PriceConfig&) const = default;
};

struct HourlyPrice {
  double usd = 0;  // of all GPUs of the deployment, running or idle
  double usd_per_gpu = 0;
  bool example = false;  // of the catalog, to try the arithmetic with: every output that uses it must say so
  std::string source;    // prices.gpu_hour (spot)
};

struct Scenario;
// Of the scenario's GPUs bought the scenario's way; empty where nobody gave a price. The catalog's example
// counts if the scenario asks for it (prices.examples) or the caller does.
[[nodiscard]] std::optional<HourlyPrice> price_per_hour(const Scenario& scenario, bool example_will_do = false);

// Of one device.
struct PowerFigures {
  double tdp_watts = 0;
  double idle_watts = 0;
  bool idle_is_guess = false;
};
// Empty where the TDP is not known: then why_no_power() says why.
[[nodiscard]] std::optional<PowerFigures> power_of(const Deployment& deployment);
[[nodiscard]] std::string why_no_power(const Deployment& deployment);

}  // namespace foretoken
