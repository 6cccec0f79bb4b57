// The load by hour of the week, in any of its three spellings.
#include <fmt/format.h>

#include <algorithm>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kHoursPerDay = 24;
constexpr std::size_t kHoursPerWeek = 168;
constexpr double kLargestMultiple = 1e6;

std::vector<double> read_multiples(Resolver& values, const YamlNode& node, std::size_t also_allowed) {
  std::vector<double> multiples;
  const std::string lengths =
      also_allowed > 0 ? fmt::format("{} or {}", kHoursPerDay, also_allowed) : std::to_string(kHoursPerDay);
  if (node.kind != YamlNode::Kind::list || (node.items.size() != kHoursPerDay && node.items.size() != also_allowed)) {
    const std::string got =
        node.kind == YamlNode::Kind::list ? fmt::format("{} of them", node.items.size()) : "no list";
    values.error_at(node.where, fmt::format("a load profile must have {} numbers, got {}", lengths, got),
                    "24 for every day, {weekday: [24], weekend: [24]}, or 168 from Monday 0:00");
    return {};
  }
  for (const YamlNode& item : node.items) {
    double multiple = 0;
    if (plain_number(item, multiple) && multiple >= 0 && multiple <= kLargestMultiple)
      multiples.push_back(multiple);
    else
      values.error_at(item.where,
                      fmt::format("a multiple of the offered rate must be a number from 0 to {:g}", kLargestMultiple));
  }
  return multiples.size() == node.items.size() ? multiples : std::vector<double>{};
}

void append_days(std::vector<double>& week, const std::vector<double>& day, int days) {
  for (int i = 0; i < days; ++i) week.insert(week.end(), day.begin(), day.end());
}

}  // namespace

std::vector<double> read_load_profile(Resolver& values, const YamlNode& node) {
  std::vector<double> week;
  if (node.kind == YamlNode::Kind::map) {
    const YamlNode* weekday = node.find("weekday");
    const YamlNode* weekend = node.find("weekend");
    if (weekday == nullptr || weekend == nullptr || node.entries.size() != 2) {
      values.error_at(node.where, "a load profile by kind of day has the keys weekday and weekend, 24 numbers each");
      return {};
    }
    const std::vector<double> working = read_multiples(values, *weekday, 0),
                              resting = read_multiples(values, *weekend, 0);
    append_days(week, working, 5);
    append_days(week, resting, 2);
  } else {
    const std::vector<double> given = read_multiples(values, node, kHoursPerWeek);
    append_days(week, given, given.size() == kHoursPerDay ? 7 : 1);
  }
  if (week.size() != kHoursPerWeek) return {};  // reported
  if (std::all_of(week.begin(), week.end(), [](double m) { return m == 0; })) {
    values.error_at(node.where, "the load profile is 0 in every hour");
    return {};
  }
  return week;
}

}  // namespace foretoken
