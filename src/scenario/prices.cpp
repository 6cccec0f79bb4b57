// The price of a deployment and the power of its devices, with who says so.
#include <fmt/format.h>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace {

// Where a source gives none: what the catalog's other entries have, 8 to 25 % of the TDP.
constexpr double kGuessedIdleShare = 0.1;

std::optional<HourlyPrice> price_of_one_kind(const Scenario& s, bool example_will_do) {
  HourlyPrice price;
  if (s.prices.gpu_hour) {
    price.usd_per_gpu = *s.prices.gpu_hour;
    price.source = fmt::format("prices.gpu_hour, {}", to_string(s.prices.purchase));
  } else if (s.prices.examples || example_will_do) {
    const GpuHourPrices& catalog = s.deployment.gpu.example_price;
    const std::optional<double>& example = catalog.of(s.prices.purchase);
    if (!example) return std::nullopt;
    price.usd_per_gpu = *example;
    price.example = true;
    price.source =
        fmt::format("catalog entry {}, {}: {}", s.deployment.gpu.id, to_string(s.prices.purchase), catalog.source);
  } else {
    return std::nullopt;
  }
  price.usd = price.usd_per_gpu * s.num_gpus;
  return price;
}

}  // namespace

std::optional<HourlyPrice> price_per_hour(const Scenario& s, bool example_will_do) {
  if (s.pools.empty()) return price_of_one_kind(s, example_will_do);
  HourlyPrice sum;
  for (const PoolPlan& pool : s.pools) {
    const std::optional<HourlyPrice> price = price_of_one_kind(only_pool(s, pool), example_will_do);
    if (!price) return std::nullopt;
    sum.usd += price->usd;
    sum.example = sum.example || price->example;
    if (sum.source.find(price->source) == std::string::npos)
      sum.source += (sum.source.empty() ? "" : "; ") + price->source;
  }
  sum.usd_per_gpu = sum.usd / s.num_gpus;
  return sum;
}

std::optional<PowerFigures> power_of(const Deployment& d) {
  if (d.level == CostLevel::affine || !d.gpu.tdp) return std::nullopt;
  PowerFigures power;
  power.tdp_watts = d.gpu.tdp->value;
  power.idle_is_guess = d.gpu.idle_power_is_guess || !d.gpu.idle_power;
  power.idle_watts = d.gpu.idle_power ? d.gpu.idle_power->value : kGuessedIdleShare * power.tdp_watts;
  return power;
}

std::string why_no_power(const Deployment& d) {
  if (d.level == CostLevel::affine) return "cost.level: affine has no hardware";
  return fmt::format("the catalog has no TDP of {}", d.gpu.id);
}

}  // namespace foretoken
