// Figures of a file, completed from its requests.
#include "measurement/validation/measured_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "experiment/latency_key.hpp"
#include "foretoken/base/statistics.hpp"

namespace foretoken {
namespace {

void add_new(std::vector<ReportedFigure>& figures, const std::string& metric, double value) {
  const bool known =
      std::any_of(figures.begin(), figures.end(), [&](const ReportedFigure& f) { return f.metric == metric; });
  if (!known && std::isfinite(value) && value > 0) figures.push_back({metric, value});
}

void add_latency(std::vector<ReportedFigure>& figures, const MeasuredRun& run, const char* name,
                 double MeasuredRequest::*value) {
  std::vector<double> values;
  for (const MeasuredRequest& r : run.requests) {
    if (std::isfinite(r.*value)) values.push_back(r.*value);
  }
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const double v : values) sum += v;
  add_new(figures, fmt::format("mean_{}_ms", name), sum / static_cast<double>(values.size()));
  add_new(figures, fmt::format("median_{}_ms", name), percentile_of_sorted(values, 0.5));
  for (const int p : {90, 95, 99})
    add_new(figures, fmt::format("p{}_{}_ms", p, name), percentile_of_sorted(values, p / 100.0));
}

// From the first send to the last token, as vllm bench serve counts.
void add_throughput(std::vector<ReportedFigure>& figures, const MeasuredRun& run) {
  double seconds = 0, output = 0;
  for (const MeasuredRequest& r : run.requests) {
    seconds = std::max(seconds, r.arrival + r.e2e_ms * 1e-3);
    output += static_cast<double>(r.output_tokens);
  }
  if (!run.has_arrivals || !(seconds > 0)) return;
  add_new(figures, "request_throughput", static_cast<double>(run.requests.size()) / seconds);
  add_new(figures, "output_throughput", output / seconds);
}

// By latency, then mean, median and percentiles from below; rates last.
std::tuple<std::size_t, int, double, std::string> order_of(const ReportedFigure& figure) {
  const auto parts = latency_key_parts(figure.metric);
  if (!parts) return {latency_metrics().size(), 0, 0, figure.metric};
  std::size_t latency = 0;
  while (latency_metrics()[latency].name != parts->metric) ++latency;
  return {latency, parts->statistic == "mean" ? 0 : 1, parts->quantile.value_or(0), {}};
}

}  // namespace

std::vector<ReportedFigure> measured_figures(const MeasuredRun& run) {
  std::vector<ReportedFigure> figures = run.reported;
  add_latency(figures, run, "ttft", &MeasuredRequest::ttft_ms);
  add_latency(figures, run, "tpot", &MeasuredRequest::tpot_ms);
  add_latency(figures, run, "e2el", &MeasuredRequest::e2e_ms);
  add_throughput(figures, run);
  std::stable_sort(figures.begin(), figures.end(),
                   [](const ReportedFigure& a, const ReportedFigure& b) { return order_of(a) < order_of(b); });
  return figures;
}

}  // namespace foretoken
