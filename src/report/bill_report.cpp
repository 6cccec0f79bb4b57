// Three ways to size the fleet, and the replicas of the week.
#include "foretoken/report/bill_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::size_t kHoursPerDay = 24;

void add_row(TextTable& table, const char* name, const FleetBill& fleet) {
  const std::string replicas = fleet.least_replicas == fleet.most_replicas
                                   ? readable(std::int64_t{fleet.most_replicas})
                                   : fmt::format("{} to {}", readable(std::int64_t{fleet.least_replicas}),
                                                 readable(std::int64_t{fleet.most_replicas}));
  const std::string trouble = fleet.hours_short == 0 ? ""
                                                     : fmt::format("{} hours a week short: {} of the requests unserved",
                                                                   fleet.hours_short, percent(fleet.unserved_share));
  table.row({name, replicas, dollars(fleet.usd_per_month), readable(fleet.usd_per_1m_tokens), percent(fleet.used_share),
             trouble});
}

// Days that look the same share a line.
std::string week_section(const Bill& b, const TextStyle& style) {
  TextTable table("ll");
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

Json fleet_json(const FleetBill& fleet) {
  Json json = Json::object();
  json["least_replicas"] = fleet.least_replicas;
  json["most_replicas"] = fleet.most_replicas;
  json["usd_per_month"] = fleet.usd_per_month;
  json["usd_per_1m_tokens"] = fleet.usd_per_1m_tokens;
  json["used_share"] = fleet.used_share;
  json["hours_short_per_week"] = fleet.hours_short;
  json["unserved_share"] = fleet.unserved_share;
  return json;
}

}  // namespace

std::string to_text(const Bill& b, const TextStyle& style) {
  TextTable table("lrrrrl", "000120");
  table.row({"per month", "replicas", "$", "$ per 1M tokens", "used", ""});
  add_row(table, "as given", b.as_given);
  add_row(table, "fixed, for the busiest hour", b.fixed);
  add_row(table, "re-sized every hour", b.resized);
  std::string text = table.text(style, "  ");
  const double saved = b.fixed.usd_per_month - b.resized.usd_per_month;
  text += fmt::format("  re-sizing saves {} $ a month, {} of the fixed fleet's price\n", dollars(saved),
                      percent(b.fixed.usd_per_month > 0 ? saved / b.fixed.usd_per_month : 0));
  std::string basis = fmt::format("  {}\n", price_sentence(b.price));
  if (b.scenario.spare > 0)
    basis += fmt::format(
        "  {} of the replicas stand{} by (spare): paid for in every hour, what they could serve is not counted\n",
        b.scenario.spare, b.scenario.spare == 1 ? "s" : "");
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
  json["as_given"] = fleet_json(b.as_given);
  json["fixed"] = fleet_json(b.fixed);
  json["resized"] = fleet_json(b.resized);
  Json hours = Json::array();
  for (const int replicas : b.replicas_by_hour) hours.push_back(replicas);
  json["replicas_by_hour"] = std::move(hours);
  return json;
}

}  // namespace foretoken
