// Cells by slot and class, and the figures of each.
#include "experiment/slots/slot_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/latency_key.hpp"
#include "experiment/replication.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMostClasses = 5;

Duration usual_width(Duration horizon) {
  constexpr Duration kHours = std::chrono::hours{1}, kMinutes = std::chrono::minutes{1};
  if (horizon >= 6 * kHours) return kHours;
  if (horizon >= 4 * kMinutes) return kMinutes;
  return horizon >= std::chrono::seconds{40} ? std::chrono::seconds{10} : std::chrono::seconds{1};
}

// Does a slot have a figure of its own? Gaps between tokens are pooled over the run, rates are of its length.
bool is_of_requests(const std::string& metric) {
  const auto key = latency_key_parts(metric);
  return split_metric(metric).key == "slo_attainment" || (key && key->metric != "itl");
}

// As the profile says, over [begin, begin + width).
double profile_rate(const ProfileArrivals& profile, Duration begin, Duration width) {
  constexpr int kPoints = 3600;
  double sum = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double at = (static_cast<double>(begin.count()) + (i + 0.5) / kPoints * static_cast<double>(width.count())) /
                      static_cast<double>(profile.period.count());
    const auto n = static_cast<double>(profile.rates.size());
    const auto index = static_cast<std::size_t>((at - std::floor(at)) * n);
    sum += profile.rates[std::min(index, profile.rates.size() - 1)];
  }
  return sum / kPoints;
}

double figure(const MeasureView& view, const char* metric) {
  return metric_value(view, metric, Population::offered).value_or(std::nan(""));
}

SlotFigures figures_of(const MeasureView& view, double seconds, int replications) {
  const Measures& m = view.requests;
  const double n = std::max(1, replications);
  SlotFigures f;
  f.arrivals = static_cast<double>(m.offered()) / n;
  f.failed = static_cast<double>(m.failed()) / n;
  f.p50_ttft_ms = figure(view, "p50_ttft_ms");
  f.p99_ttft_ms = figure(view, "p99_ttft_ms");
  f.mean_tpot_ms = figure(view, "mean_tpot_ms");
  f.p99_tpot_ms = figure(view, "p99_tpot_ms");
  f.p99_e2el_ms = figure(view, "p99_e2el_ms");
  const double waited = m.latency.queue_time.mean() * 1e-9 * static_cast<double>(m.latency.queue_time.count());
  f.waiting = waited / n / seconds;
  f.attainment = m.limited > 0 ? figure(view, "slo_attainment") : std::nan("");
  return f;
}

// Those of a class among the slot's cells; of an empty name, all of them.
const Measures& measures_of(std::string_view request_class, const Scenario& s, const std::vector<Measures>& cells,
                            const Measures& all) {
  for (std::size_t c = 0; c < s.workload.classes.size() && c < cells.size(); ++c) {
    if (s.workload.classes[c].name == request_class) return cells[c];
  }
  return all;
}

}  // namespace

bool changes_with_time(const WorkloadConfig& w) {
  return std::holds_alternative<ProfileArrivals>(w.arrivals) || std::holds_alternative<RampArrivals>(w.arrivals) ||
         std::holds_alternative<TraceConfig>(w.arrivals);
}

Result<Duration> expected_horizon(const Scenario& scenario) {
  if (scenario.workload.duration) return *scenario.workload.duration;
  const Result<WorkloadSummary> load = workload_summary(scenario);
  if (!load) return load.error();
  if (!load->requests || !(load->offered_rate > 0) || !std::isfinite(load->offered_rate)) return Duration{};
  return duration_from_seconds(static_cast<double>(*load->requests) / load->offered_rate);
}

Result<LoadSlots> simulate_slots(const Scenario& scenario, int replications, const RunOptions& options) {
  constexpr std::int64_t kMostRequests = 500'000;
  const Result<WorkloadSummary> load = workload_summary(scenario);
  if (!load) return load.error();
  const Result<Duration> horizon = expected_horizon(scenario);
  if (!horizon) return horizon.error();
  const std::int64_t each = std::max<std::int64_t>(1, load->requests.value_or(kMostRequests));
  const bool one_run = std::holds_alternative<TraceConfig>(scenario.workload.arrivals);
  const int most = one_run ? 1 : static_cast<int>(std::clamp<std::int64_t>(kMostRequests / each, 1, replications));
  SlotSeries series(scenario, *horizon);
  for (int i = 0; i < most; ++i) {
    ReplicationOptions how;
    how.requests = load->requests;
    how.stop = options.stop;
    how.cost_models = options.cost_models;
    how.step_by_step = options.step_by_step;
    how.on_request = [&](const RequestRecord& record) { series.add(record); };
    const Result<ReplicationResult> run = simulate_replication(scenario, i, how);
    if (!run) return run.error();
    if (run->outcome.interrupted) return LoadSlots{};
  }
  return series.figures(scenario, most);
}

SlotSeries::SlotSeries(const Scenario& scenario, Duration horizon)
    : limits_(collector_config(scenario.workload, 0, std::nullopt).goodput),
      by_class_(scenario.workload.classes.size() > 1 && scenario.workload.classes.size() <= kMostClasses),
      width_(usual_width(horizon)) {}

std::vector<Measures>& SlotSeries::slot(std::size_t index) {
  while (slots_.size() <= index) slots_.emplace_back(by_class_ ? limits_.size() : 1);
  return slots_[index];
}

void SlotSeries::double_width() {
  width_ *= 2;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (i % 2 == 0) {
      if (i > 0) std::swap(slots_[i / 2], slots_[i]);
      continue;
    }
    for (std::size_t c = 0; c < slots_[i].size(); ++c) slots_[i / 2][c].merge(slots_[i][c]);
  }
  slots_.resize((slots_.size() + 1) / 2);
}

void SlotSeries::add(const RequestRecord& record) {
  const std::size_t cells = by_class_ ? limits_.size() : 1;
  const std::int64_t at = std::max<std::int64_t>(0, record.request.arrival.time_since_epoch().count());
  while ((static_cast<std::size_t>(at / width_.count()) + 1) * cells > kMostCells) double_width();
  const auto index = static_cast<std::size_t>(record.request.class_index);
  invariant(index < limits_.size(), "request of a class the slots were not told of");
  count_request(slot(static_cast<std::size_t>(at / width_.count()))[by_class_ ? index : 0], limits_[index], record);
}

void SlotSeries::merge(const SlotSeries& other) {
  SlotSeries same = other;
  while (same.width_ < width_) same.double_width();
  while (width_ < same.width_) double_width();
  for (std::size_t i = 0; i < same.slots_.size(); ++i) {
    std::vector<Measures>& into = slot(i);
    for (std::size_t c = 0; c < into.size(); ++c) into[c].merge(same.slots_[i][c]);
  }
}

LoadSlots SlotSeries::figures(const Scenario& s, int replications) const {
  LoadSlots result;
  result.replications = replications;
  if (by_class_) {
    for (const RequestClass& c : s.workload.classes) result.classes.push_back(c.name);
  }
  std::vector<SloLine> judged;
  for (const SloLine& line : s.slo) {
    // Of a class, where slots have their classes apart.
    const bool known = by_class_ || split_metric(line.metric).request_class.empty();
    if (known && is_of_requests(line.metric))
      judged.push_back(line);
    else
      result.only_whole.push_back(line.expression);
  }
  const double seconds = to_seconds(width_);
  const DeviceFigures device = device_figures(s);
  const RunMeasures none;
  const auto* profile = std::get_if<ProfileArrivals>(&s.workload.arrivals);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    LoadSlot slot;
    slot.begin = width_ * static_cast<std::int64_t>(i);
    slot.width = width_;
    Measures all;
    for (const Measures& m : slots_[i]) all.merge(m);
    const MeasureView view = view_of(s, device, none, all, Scope::request_class);
    slot.all = figures_of(view, seconds, replications);
    slot.offered_rate = profile != nullptr ? profile_rate(*profile, slot.begin, width_) : slot.all.arrivals / seconds;
    for (const Measures& m : slots_[i]) {
      if (by_class_)
        slot.classes.push_back(figures_of(view_of(s, device, none, m, Scope::request_class), seconds, replications));
    }
    for (const SloLine& line : judged) {
      const MetricName name = split_metric(line.metric);
      const Measures& of = measures_of(name.request_class, s, slots_[i], all);
      const MeasureView judged_view = view_of(s, device, none, of, Scope::request_class);
      if (of.offered() > 0) slot.slo.push_back(judge(line, figure(judged_view, std::string(name.key).c_str())));
    }
    result.slots.push_back(std::move(slot));
  }
  return result;
}

bool LoadSlot::keeps_slo() const {
  return std::all_of(slo.begin(), slo.end(), [](const SloVerdict& v) { return v.ok; });
}

std::size_t LoadSlots::missing() const {
  return static_cast<std::size_t>(
      std::count_if(slots.begin(), slots.end(), [](const LoadSlot& s) { return !s.keeps_slo(); }));
}

std::optional<std::size_t> LoadSlots::worst() const {
  std::optional<std::size_t> worst;
  double least = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    // Smaller is worse; a figure that is infinite has no room at all.
    double room = -slots[i].all.p99_ttft_ms;
    if (!slots[i].slo.empty()) {
      room = std::numeric_limits<double>::infinity();
      for (const SloVerdict& v : slots[i].slo) {
        if (!std::isnan(v.margin)) room = std::min(room, v.margin);
      }
    }
    if (std::isnan(room) || !(slots[i].all.arrivals > 0) || (worst && room >= least)) continue;
    worst = i;
    least = room;
  }
  return worst;
}

std::string slot_name(const LoadSlot& slot) {
  const std::int64_t seconds = slot.begin.count() / 1'000'000'000;
  if (slot.width < std::chrono::hours{1}) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  const std::int64_t day = seconds / 86400;
  const std::string hour = fmt::format("{}:{:02}", seconds / 3600 % 24, seconds / 60 % 60);
  return day > 0 ? fmt::format("day {} {}", day + 1, hour) : hour;
}

}  // namespace foretoken
