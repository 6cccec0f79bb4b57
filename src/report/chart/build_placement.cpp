// Charts of a placement: the plans that were simulated, and how much of each demand a replica serves.
#include <fmt/format.h>

#include <utility>

#include "report/chart/build.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

// With the place of its colour in the palette.
constexpr std::pair<const char*, std::size_t> kVerdicts[] = {{"meets", 0}, {"not decided", 7}, {"misses", 1}};

Series bars_of(const char* verdict, std::size_t color) {
  Series s;
  s.name = verdict;
  s.mark = Series::Mark::rects;
  s.color = color;
  return s;
}

void add_bar(Series& s, std::size_t row, double value, std::string label) {
  s.x.push_back(value);
  s.y.push_back(static_cast<double>(row));
  s.low.push_back(0);
  s.high.push_back(value);
  s.labels.push_back(std::move(label));
}

Chart plans_of(const Json::Array& tries) {
  Chart chart;
  chart.name = "plans";
  chart.title = "Plans that were simulated";
  chart.x = {"$/h", Axis::Scale::linear, {}, 0.0, {}};
  chart.caption =
      "In the order in which they were simulated, what each costs and whether all objectives are kept. Plans that cost "
      "more than the answer were not looked at.";
  chart.table.head = {"plan", "$/h", "GPUs", "verdict", "not kept"};
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  std::vector<Series> by_verdict;
  for (const auto& [verdict, color] : kVerdicts) by_verdict.push_back(bars_of(verdict, color));
  for (const Json& t : tries) {
    const std::string verdict = text_of(t["verdict"]), missed = text_of(t["missed"]);
    const double cost = number_of(t["usd_per_hour"]);
    chart.table.rows.push_back(
        {text_of(t["replicas"]), dollars(cost), tick_label(number_of(t["gpus"])), verdict, missed});
    for (Series& s : by_verdict) {
      if (s.name != verdict) continue;
      add_bar(s, panel.y.categories.size(), cost,
              fmt::format("{} $/h{}{}", dollars(cost), missed.empty() ? "" : ", not kept: ", missed));
    }
    panel.y.categories.push_back(text_of(t["replicas"]));
  }
  for (Series& s : by_verdict)
    if (!s.x.empty()) panel.series.push_back(std::move(s));
  chart.panels.push_back(std::move(panel));
  return chart;
}

Chart demands_of(const Json::Array& capacities) {
  Chart chart;
  chart.name = "demands";
  chart.title = "What one replica serves of each demand";
  chart.x = {"requests/s within the objectives", Axis::Scale::linear, {}, 0.0, {}};
  chart.caption =
      "The load that a replica keeps its objectives under, for sure (dot) and at most (end of its line); the plan is "
      "chosen by it. A pool that keeps none of a demand's objectives is in the table alone.";
  chart.table.head = {"demand", "pool", "wanted", "one replica", "each of several", "misses at", "why none"};
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  Series s;
  s.mark = Series::Mark::dots;
  s.along_x = true;
  s.show_labels = true;
  for (const Json& c : capacities) {
    const double each = number_of(c["each"]), most = number_of(c["most"]);
    const std::string wanted = readable(number_of(c["rate"]));
    chart.table.rows.push_back({text_of(c["demand"]), text_of(c["pool"]), wanted, readable(number_of(c["alone"])),
                                readable(each), readable(most), text_of(c["why_none"])});
    if (!(most > 0)) continue;
    s.x.push_back(each);
    s.y.push_back(static_cast<double>(panel.y.categories.size()));
    s.low.push_back(each);
    s.high.push_back(most);
    s.labels.push_back(fmt::format("{} of {} wanted", readable(each), wanted));
    panel.y.categories.push_back(fmt::format("{} on {}", text_of(c["demand"]), text_of(c["pool"])));
  }
  panel.series.push_back(std::move(s));
  chart.panels.push_back(std::move(panel));
  return chart;
}

}  // namespace

void add_placement(Charts& charts, const Json& document) {
  if (text_of(document["schema"]) != "foretoken.placement/1") return;
  if (const Json::Array& tries = list_of(document["tries"]); !tries.empty()) charts.push_back(plans_of(tries));
  Chart demands = demands_of(list_of(document["capacities"]));
  if (!demands.panels.front().series.front().x.empty()) charts.push_back(std::move(demands));
}

}  // namespace foretoken
