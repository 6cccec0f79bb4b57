// Three ways to size the fleet, and the replicas of the week.
#include "report/bill_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"
#include "report/declared_table.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::size_t kHoursPerDay = 24;

struct NamedFleet {
  const char* name;
  const FleetBill& fleet;
};

std::string replicas_of(const FleetBill& fleet) {
  const std::string least = readable(std::int64_t{fleet.least_replicas});
  return fleet.least_replicas == fleet.most_replicas
             ? least
             : fmt::format("{} to {}", least, readable(std::int64_t{fleet.most_replicas}));
}

std::string trouble_of(const FleetBill& fleet) {
  return fleet.hours_short == 0 ? ""
                                : fmt::format("{} hours a week short: {} of the requests unserved", fleet.hours_short,
                                              percent(fleet.unserved_share));
}

DeclaredTable<NamedFleet> fleet_table() {
  const auto of = [](auto member) { return [=](const NamedFleet& n) { return n.fleet.*member; }; };
  return DeclaredTable<NamedFleet>()
      .cell("per month", {'0', 'l'}, [](const NamedFleet& n) { return n.name; })
      .cell("replicas", {}, [](const NamedFleet& n) { return replicas_of(n.fleet); })
      .entry("least_replicas", of(&FleetBill::least_replicas))
      .entry("most_replicas", of(&FleetBill::most_replicas))
      .column("usd_per_month", "$", {}, of(&FleetBill::usd_per_month), dollars)
      .column("usd_per_1m_tokens", "$ per 1M tokens", {'1'}, of(&FleetBill::usd_per_1m_tokens))
      .column("used_share", "used", {'2'}, of(&FleetBill::used_share), percent)
      .entry("hours_short_per_week", of(&FleetBill::hours_short))
      .entry("unserved_share", of(&FleetBill::unserved_share))
      .cell("", {'0', 'l'}, [](const NamedFleet& n) { return trouble_of(n.fleet); });
}

// Days that look the same share a line.
std::string week_section(const Bill& b, const TextStyle& style) {
  TextTable table("ll");
  table.without_headings();
  for (std::size_t day = 0; day < 7;) {
    const auto of = [&](std::size_t d) {
      return b.replicas_by_hour.begin() + static_cast<std::ptrdiff_t>(d * kHoursPerDay);
    };
    std::size_t last = day;
    while (last + 1 < 7 && std::equal(of(day), of(day + 1), of(last + 1))) ++last;
    std::string hours;
    for (std::size_t h = 0; h < kHoursPerDay; ++h)
      hours += fmt::format("{}{}", h > 0 ? " " : "", *(of(day) + static_cast<std::ptrdiff_t>(h)));
    table.row({last == day ? kDays[day] : fmt::format("{} to {}", kDays[day], kDays[last]), hours});
    day = last + 1;
  }
  return table.text(style, "  ");
}

}  // namespace

std::string to_text(const Bill& b, const TextStyle& style) {
  const std::vector<NamedFleet> fleets{
      {"as given", b.as_given}, {"fixed, for the busiest hour", b.fixed}, {"re-sized every hour", b.resized}};
  std::string text = fleet_table().table(fleets).text(style, "  ");
  const double saved = b.fixed.usd_per_month - b.resized.usd_per_month;
  text += fmt::format("  re-sizing saves {} $ a month, {} of the fixed fleet's price\n", dollars(saved),
                      percent(b.fixed.usd_per_month > 0 ? saved / b.fixed.usd_per_month : 0));
  std::string basis = fmt::format("  {}\n", price_sentence(b.price));
  if (b.scenario.spare > 0)
    basis += fmt::format(
        "  {} of the replicas stand{} by (spare): paid for in every hour, what they could serve is not counted\n",
        b.scenario.spare, b.scenario.spare == 1 ? "s" : "");
  if (b.scenario.cluster.fleet.on)
    basis +=
        "  'as given' is the scenario's fleet, simulated through these hours: its cold starts are paid, and its "
        "replicas "
        "are those that were paid at a time; the others are without it\n";
  if (!b.scenario.pools.empty())
    basis += "  'replicas' are copies of all pools: they are rented together, in the proportion of the scenario\n";
  basis +=
      fmt::format("  a replica serves {} requests/s ({}); offered: {} on average, {} in the busiest hour\n",
                  readable(b.capacity_per_replica), b.capacity_source, readable(b.mean_rate), readable(b.peak_rate));
  basis += fmt::format(
      "  {} tokens per request, in and out; a month of 730.5 hours; an hour's load is even, re-sizing is instant: no "
      "cold starts\n",
      readable(b.tokens_per_request));
  return within_width(heading(b.scenario, style) + section("Monthly bill", text, style) +
                          section("Replicas by hour of the re-sized fleet", week_section(b, style), style) +
                          section("What this rests on", basis, style),
                      style);
}

Json fleet_bill_shape() {
  return fleet_table().shape();
}

Json to_json(const Bill& b) {
  Json json = Json::object();
  json["schema"] = "foretoken.bill/1";
  json["foretoken_version"] = version();
  json["scenario"] = b.scenario.name;
  json["scenario_sha256"] = scenario_sha256(b.scenario);
  json["price"] = price_of(b.price);
  json["capacity_per_replica"] = b.capacity_per_replica;
  json["capacity_source"] = b.capacity_source;
  json["offered_rate"] = b.offered_rate;
  json["mean_rate"] = b.mean_rate;
  json["peak_rate"] = b.peak_rate;
  json["tokens_per_request"] = b.tokens_per_request;
  const DeclaredTable<NamedFleet> fleets = fleet_table();
  json["as_given"] = fleets.document({"", b.as_given});
  json["fixed"] = fleets.document({"", b.fixed});
  json["resized"] = fleets.document({"", b.resized});
  Json hours = Json::array();
  for (const int replicas : b.replicas_by_hour) hours.push_back(replicas);
  json["replicas_by_hour"] = std::move(hours);
  return json;
}

}  // namespace foretoken
