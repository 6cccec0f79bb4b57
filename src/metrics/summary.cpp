// Latency families, look-up by name, grades, and the assembly of a summary.
#include "foretoken/metrics/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace foretoken {
namespace {

constexpr double kMsPerNs = 1e-6;

const Distribution* ttft(const MeasureView& v) {
  return &v.requests.latency.ttft;
}
const Distribution* tpot(const MeasureView& v) {
  return &v.requests.latency.tpot[static_cast<std::size_t>(v.tpot)];
}
// Tokens are pooled over all requests, so gaps exist for the run and its window only, not for classes.
const Distribution* itl(const MeasureView& v) {
  return v.scope == Scope::run ? &v.run.itl : v.scope == Scope::steady ? &v.run.steady_itl : nullptr;
}
const Distribution* e2el(const MeasureView& v) {
  return &v.requests.latency.e2el;
}
const Distribution* queue_time(const MeasureView& v) {
  return &v.requests.latency.queue_time;
}

constexpr LatencyMetric kLatencyMetrics[] = {
    {"ttft", "Time to First Token", "first token - arrival", ttft, true},
    {"tpot", "Time per Output Token", "decode time over generated tokens, one value per request of two or more tokens",
     tpot, true},
    {"itl", "Inter-token Latency", "gaps between consecutive tokens, pooled over all requests", itl, false},
    {"e2el", "End-to-end Latency", "last token - arrival", e2el, true},
    {"queue_time", "Queue Time", "first scheduled - arrival", queue_time, true},
};

enum class Statistic { mean, median, standard_deviation, min, max, percentile };
struct NamedStatistic {
  std::string_view name;
  Statistic statistic;
};
constexpr NamedStatistic kStatistics[] = {{"mean", Statistic::mean},
                                          {"median", Statistic::median},
                                          {"std", Statistic::standard_deviation},
                                          {"min", Statistic::min},
                                          {"max", Statistic::max}};
constexpr std::string_view kOfferedPrefix = "offered_";
constexpr std::string_view kMsSuffix = "_ms";

struct LatencyKey {
  const LatencyMetric* metric = nullptr;
  Statistic statistic = Statistic::mean;
  double percent = 0;
  std::string_view prefix;  // p99
};

// p99, p99.9: over 0 and at most 100.
bool parse_percent(std::string_view text, double& percent) {
  if (text.size() < 2 || text.front() != 'p' || text[1] < '0' || text[1] > '9') return false;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, percent, std::chars_format::fixed);
  return error == std::errc{} && stop == end && percent > 0 && percent <= 100;
}

// `p99_ttft`, with the unit's suffix already gone.
std::optional<LatencyKey> parse_latency(std::string_view name) {
  for (const LatencyMetric& metric : kLatencyMetrics) {
    if (name.size() <= metric.name.size() + 1 || !name.ends_with(metric.name)) continue;
    const std::string_view prefix = name.substr(0, name.size() - metric.name.size() - 1);
    if (name[prefix.size()] != '_') continue;
    LatencyKey key{&metric, Statistic::percentile, 0, prefix};
    if (parse_percent(prefix, key.percent)) return key;
    for (const NamedStatistic& s : kStatistics) {
      if (s.name == prefix) {
        key.statistic = s.statistic;
        return key;
      }
    }
  }
  return std::nullopt;
}

double evaluate(const LatencyKey& key, const MeasureView& view, std::int64_t failed) {
  const Distribution* d = key.metric->of(view);
  if (d == nullptr) return kMissing;
  if (!key.metric->per_request) failed = 0;
  if (d->count() == 0 && failed == 0) return kMissing;
  if (d->count() == 0 && key.statistic != Statistic::percentile && key.statistic != Statistic::median) return kMissing;
  switch (key.statistic) {
    case Statistic::mean:
      return d->mean() * kMsPerNs;
    case Statistic::standard_deviation:
      return d->standard_deviation() * kMsPerNs;
    case Statistic::min:
      return d->min() * kMsPerNs;
    case Statistic::max:
      return d->max() * kMsPerNs;
    case Statistic::median:
      return d->percentile(0.5, failed) * kMsPerNs;
    case Statistic::percentile:
      return d->percentile(key.percent / 100, failed) * kMsPerNs;
  }
  return kMissing;
}

std::string_view without_unit(std::string_view name) {
  if (name.ends_with(kMsSuffix)) name.remove_suffix(kMsSuffix.size());
  return name;
}

const Column* find_column(std::string_view key) {
  const auto all = columns();
  const auto it = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == key; });
  return it == all.end() ? nullptr : &*it;
}

void append_latency(const LatencyMetric& metric, const MeasureView& view, Summary& summary) {
  const Distribution* d = metric.of(view);
  if (d == nullptr) return;
  const std::int64_t failed = metric.per_request ? view.requests.failed() : 0;
  const auto add = [&](std::string_view prefix, const LatencyKey& key, std::int64_t counted) {
    const double value = evaluate(key, view, counted);
    if (std::isnan(value)) return;
    summary.entries.push_back(
        {fmt::format("{}{}_{}_ms", counted > 0 ? kOfferedPrefix : "", prefix, metric.name), value, false});
  };
  for (const NamedStatistic& s : kStatistics) add(s.name, {&metric, s.statistic, 0, s.name}, 0);
  for (double percent : kSummaryPercentiles) {
    add(fmt::format("p{}", percent), {&metric, Statistic::percentile, percent, {}}, 0);
  }
  if (failed == 0) return;
  for (double percent : kSummaryPercentiles) {
    add(fmt::format("p{}", percent), {&metric, Statistic::percentile, percent, {}}, failed);
  }
}

}  // namespace

std::span<const LatencyMetric> latency_metrics() {
  return kLatencyMetrics;
}

double Summary::operator[](std::string_view key) const {
  for (const SummaryEntry& e : entries) {
    if (e.key == key) return e.value;
  }
  return kMissing;
}

Summary summarise(const MeasureView& view) {
  Summary summary;
  for (const Column& c : columns()) {
    const double value = c.value(view);
    if (!std::isnan(value)) summary.entries.push_back({std::string(c.key), value, c.integer});
  }
  for (const LatencyMetric& metric : kLatencyMetrics) append_latency(metric, view, summary);
  return summary;
}

MetricName split_metric(std::string_view name) {
  constexpr std::string_view kOf = " of ";
  const auto at = name.find(kOf);
  if (at == std::string_view::npos) return {name, {}};
  return {name.substr(0, at), name.substr(at + kOf.size())};
}

MeasureView of_class(const MeasureView& view, std::string_view request_class) {
  static const Measures kNone;
  if (request_class.empty()) return view;
  const Measures* measures = &kNone;
  for (std::size_t i = 0; i < view.run.classes.size(); ++i) {
    const ClassMeasures& c = view.run.classes[i];
    if (c.name != request_class) continue;
    const bool steady = view.scope == Scope::steady && i < view.run.steady_classes.size();
    measures = steady ? &view.run.steady_classes[i] : &c.measures;
  }
  return {view.run, *measures, Scope::request_class, view.tpot, view.device};
}

std::optional<double> metric_value(const MeasureView& view, std::string_view key, Population population) {
  if (const MetricName name = split_metric(key); !name.request_class.empty())
    return metric_value(of_class(view, name.request_class), name.key, population);
  if (const Column* c = find_column(key)) return c->value(view);
  if (key.starts_with(kOfferedPrefix)) {
    key.remove_prefix(kOfferedPrefix.size());
    population = Population::offered;
  }
  const auto latency = parse_latency(without_unit(key));
  if (!latency) return std::nullopt;
  return evaluate(*latency, view, population == Population::offered ? view.requests.failed() : 0);
}

std::string canonical_metric(std::string_view name) {
  if (find_column(name) != nullptr) return std::string(name);
  std::string_view rest = name;
  const bool offered = rest.starts_with(kOfferedPrefix);
  if (offered) rest.remove_prefix(kOfferedPrefix.size());
  const auto latency = parse_latency(without_unit(rest));
  if (!latency) return {};
  return fmt::format("{}{}_{}_ms", offered ? kOfferedPrefix : "", latency->prefix, latency->metric->name);
}

std::string_view metric_unit(std::string_view key) {
  const Column* c = find_column(split_metric(key).key);
  return c != nullptr ? c->unit : "ms";
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const LatencyMetric& metric : kLatencyMetrics) {
    for (double percent : kSummaryPercentiles) names.push_back(fmt::format("p{}_{}_ms", percent, metric.name));
    for (const NamedStatistic& s : kStatistics) names.push_back(fmt::format("{}_{}_ms", s.name, metric.name));
  }
  for (const Column& c : columns()) names.emplace_back(c.key);
  return names;
}

std::string_view ttft_grade(double milliseconds) {
  if (!(milliseconds >= 0)) return "";
  if (milliseconds < 200) return "excellent";
  if (milliseconds < 1000) return "acceptable";
  if (milliseconds <= 3000) return "slow";
  return "stuck";
}

// People read 3 to 5 tokens per second.
std::string_view tpot_grade(double milliseconds) {
  if (!(milliseconds >= 0)) return "";
  if (milliseconds < 1000.0 / 5) return "faster than reading";
  if (milliseconds <= 1000.0 / 3) return "reading speed";
  return "slower than reading";
}

// A phase's parts are differences between steps with and without it, so one may be
// negative (a prefill turns memory-bound products into compute-bound ones): those count as none.
Bottleneck bottleneck(const std::array<FineTotal, kTimeParts>& parts) {
  Bottleneck b{"none", {}};
  FineTotal total = 0;
  for (FineTotal p : parts) total += std::max<FineTotal>(p, 0);
  if (total == 0) return b;
  std::size_t most = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    b.share[i] = static_cast<double>(std::max<FineTotal>(parts[i], 0)) / static_cast<double>(total);
    if (parts[i] > parts[most]) most = i;
  }
  b.bound = to_string(static_cast<TimePart>(most));
  return b;
}

std::string_view to_string(TimePart part) {
  switch (part) {
    case TimePart::compute:
      return "compute";
    case TimePart::memory:
      return "memory";
    case TimePart::network:
      return "network";
    case TimePart::overhead:
      return "overhead";
  }
  return "unknown";
}

}  // namespace foretoken
