// Prices: which of the figures given is of this deployment's GPU.
#include <fmt/format.h>

#include <algorithm>

#include "foretoken/metrics/summary.hpp"
#include "scenario/build.hpp"

namespace foretoken {
namespace {

constexpr double kSmallestPrice = 1e-4;
constexpr const char* kForms =
    "a number, {on_demand: 3, reserved: 2, spot: 1.5}, or either by GPU: {h100_sxm: 3, l4: 0.7}";

bool is_purchase(std::string_view key) {
  return key == to_string(Purchase::on_demand) || key == to_string(Purchase::reserved) ||
         key == to_string(Purchase::spot);
}

std::optional<double> read_price(Resolver& values, const YamlNode& node) {
  double price = 0;
  if (!plain_number(node, price)) {
    values.error_at(node.where, "a price must be a number: USD per GPU and hour", kForms);
    return std::nullopt;
  }
  if (price >= kSmallestPrice && price <= kLargestGpuHourPrice) return price;
  values.error_at(node.where,
                  fmt::format("a price must be from {:g} to {:g} USD per GPU and hour, got {}", kSmallestPrice,
                              kLargestGpuHourPrice, node.text),
                  price == 0 ? "leave the key out when nothing is to be counted in money" : "");
  return std::nullopt;
}

// One number for every way of buying, or one for each.
GpuHourPrices read_prices_of_one(Resolver& values, const YamlNode& node) {
  GpuHourPrices prices;
  if (node.kind != YamlNode::Kind::map) {
    prices.on_demand = prices.reserved = prices.spot = read_price(values, node);
    return prices;
  }
  for (const auto& entry : node.entries) {
    if (!is_purchase(entry.key)) {
      values.error_at(entry.where,
                      fmt::format("'{}' is no way to buy; allowed are on_demand, reserved and spot", entry.key),
                      kForms);
      continue;
    }
    const std::optional<double> price = read_price(values, entry.value);
    (entry.key == "spot" ? prices.spot : entry.key == "reserved" ? prices.reserved : prices.on_demand) = price;
  }
  return prices;
}

bool is_by_gpu(const YamlNode& node) {
  return node.kind == YamlNode::Kind::map &&
         std::none_of(node.entries.begin(), node.entries.end(), [](const auto& e) { return is_purchase(e.key); });
}

std::optional<GpuHourPrices> read_prices_by_gpu(Resolver& values, const Catalog& catalog, const YamlNode& node,
                                                const std::string& wanted) {
  std::optional<GpuHourPrices> of_wanted;
  std::vector<std::string> seen;
  for (const auto& entry : node.entries) {
    const Result<GpuSpec> gpu = catalog.gpu(entry.key);
    if (!gpu) {
      const Diagnostics problems = gpu.error();
      for (const Diagnostic& d : problems.items()) values.error_at(entry.where, d.message, d.hint);
      continue;
    }
    if (std::find(seen.begin(), seen.end(), gpu->id) != seen.end())
      values.error_at(entry.where,
                      fmt::format("'{}' is another name of {}, which has a price already", entry.key, gpu->id));
    seen.push_back(gpu->id);
    const GpuHourPrices prices = read_prices_of_one(values, entry.value);
    if (gpu->id == wanted) of_wanted = prices;
  }
  return of_wanted;
}

// When a value was given: with the file, or by which of the overrides.
std::size_t turn_of(const YamlNode* node, const std::vector<std::string>& overrides) {
  for (std::size_t i = overrides.size(); node != nullptr && i > 0; --i) {
    if (node->where.file == "--set " + overrides[i - 1]) return i;
  }
  return 0;
}

// A price without the name of a GPU is of the GPU that stood in the scenario when it was given. A what-if that
// sets another one later must not take it along.
bool is_of_this_gpu(const ScenarioInput& input, const Catalog& catalog, std::size_t price_turn,
                    const std::string& gpu_id) {
  LoadOptions earlier = input.options;
  earlier.overrides.resize(price_turn);
  earlier.over.clear();
  Diagnostics ignored;
  const Result<YamlNode> tree = scenario_tree(input.text, input.origin, earlier, ignored);
  if (!tree || tree->kind != YamlNode::Kind::map) return false;
  const YamlNode* hardware = tree->find("hardware");
  if (hardware == nullptr || hardware->kind != YamlNode::Kind::map) return false;
  for (const auto& entry : hardware->entries) {
    if (find_field("hardware." + entry.key) != find_field("hardware.gpu")) continue;
    const Result<GpuSpec> gpu = catalog.gpu(entry.value.text);
    return gpu && gpu->id == gpu_id;
  }
  return false;
}

void read_gpu_hour(Resolver& values, const Catalog& catalog, const ScenarioInput& input, Scenario& s) {
  const YamlNode* node = values.node("prices.gpu_hour");
  if (node == nullptr || node->kind == YamlNode::Kind::null) return;
  values.record_given("prices.gpu_hour");
  if (node->kind == YamlNode::Kind::list || (node->kind == YamlNode::Kind::map && node->entries.empty())) {
    values.error("prices.gpu_hour", fmt::format("'prices.gpu_hour' must be {}", kForms));
    return;
  }
  const std::string& gpu = s.deployment.gpu.id;
  std::optional<GpuHourPrices> prices;
  if (is_by_gpu(*node)) {
    prices = read_prices_by_gpu(values, catalog, *node, gpu);
    if (!prices) {
      if (!s.prices.examples && !values.diagnostics().has_errors())
        values.warning("prices.gpu_hour", fmt::format("'prices.gpu_hour' has no price of {}", gpu));
      return;
    }
  } else {
    prices = read_prices_of_one(values, *node);
    const std::size_t price_turn = turn_of(node, input.options.overrides);
    if (turn_of(values.node("hardware.gpu"), input.options.overrides) > price_turn &&
        !is_of_this_gpu(input, catalog, price_turn, gpu)) {
      values.warning("prices.gpu_hour", fmt::format("'prices.gpu_hour' is not of {}, which was set after it", gpu),
                     fmt::format("name the GPUs: prices: {{gpu_hour: {{{}: ...}}}}", gpu));
      return;
    }
  }
  s.prices.gpu_hour = prices->of(s.prices.purchase);
  if (!s.prices.gpu_hour && prices->any())
    values.warning("prices.gpu_hour",
                   fmt::format("'prices.gpu_hour' has no price for purchase {}", to_string(s.prices.purchase)));
}

// What this metric lacks; empty = nothing.
std::string missing_for(std::string_view metric, const Scenario& s) {
  const auto all = columns();
  const auto column = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == metric; });
  if (column == all.end()) return {};
  const bool energy = column->group == ColumnGroup::energy;
  if (column->group == ColumnGroup::money && !price_per_hour(s))
    return "a price: give prices.gpu_hour, or prices: {examples: true}";
  if (energy && !power_of(s.deployment)) return "the power of the GPU: " + why_no_power(s.deployment);
  if (metric == "energy_cost_per_1m_tokens" && !s.prices.kwh) return "prices.kwh";
  if (metric == "co2e_g_per_1m_tokens" && !s.prices.grid_g_per_kwh) return "prices.grid_g_per_kwh";
  return {};
}

void check_metrics(Resolver& values, const Scenario& s) {
  const auto check = [&](const char* key, std::string_view metric) {
    const std::string missing = missing_for(metric, s);
    if (!missing.empty()) values.error(key, fmt::format("{} needs {}", metric, missing));
  };
  for (const SloLine& line : s.slo) check("slo", line.metric);
  for (const PrecisionGoal& goal : s.study.until) check("study.until", goal.metric);
  for (const Assertion& a : s.assertions) check("assert", a.line.metric);
}

void read_prices(Resolver& values, const Catalog& catalog, const ScenarioInput& input, Scenario& s) {
  const std::string purchase = values.text("prices.purchase");
  s.prices.purchase = purchase == "spot"       ? Purchase::spot
                      : purchase == "reserved" ? Purchase::reserved
                                               : Purchase::on_demand;
  s.prices.examples = values.flag("prices.examples");
  s.prices.kwh = values.maybe_number("prices.kwh");
  s.prices.grid_g_per_kwh = values.maybe_number("prices.grid_g_per_kwh");
  s.prices.capacity_per_replica = values.maybe_number("prices.capacity_per_replica");
  s.prices.min_replicas = static_cast<int>(values.integer("prices.min_replicas"));
  const YamlNode* profile = values.node("prices.load_profile");
  if (profile != nullptr && profile->kind != YamlNode::Kind::null) {
    values.record_given("prices.load_profile");
    s.prices.load_profile = read_load_profile(values, *profile);
  }
  read_gpu_hour(values, catalog, input, s);
  const GpuSpec& gpu = s.deployment.gpu;
  if (s.prices.examples && !s.prices.gpu_hour && !gpu.id.empty() && !gpu.example_price.of(s.prices.purchase))
    values.warning("prices.examples", fmt::format("the catalog has no example price of {} ({})", gpu.id, purchase),
                   "give prices.gpu_hour");
}

}  // namespace

void build_prices(Resolver& values, const Catalog& catalog, const ScenarioInput& input, Scenario& s) {
  s.prices.given = values.given("prices");
  if (s.prices.given) read_prices(values, catalog, input, s);
  if (!values.diagnostics().has_errors()) check_metrics(values, s);
}

}  // namespace foretoken
