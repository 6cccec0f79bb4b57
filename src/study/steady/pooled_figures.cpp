// Replications are dealt out to the parts in turn; the jackknife leaves out one part at a time.
#include "study/steady/pooled_figures.hpp"

#include <algorithm>
#include <cmath>

#include "study/latency_key.hpp"
#include "study/replication.hpp"

namespace foretoken {
namespace {

const LatencyMetric* metric_named(std::string_view name) {
  const auto all = latency_metrics();
  const auto at = std::find_if(all.begin(), all.end(), [&](const LatencyMetric& m) { return m.name == name; });
  return at == all.end() ? nullptr : &*at;
}

bool is_extreme(const LatencyKeyParts& key) {
  return key.quantile && (*key.quantile <= 0 || *key.quantile >= 1);
}

}  // namespace

bool has_steady_value(std::string_view metric) {
  if (const auto key = latency_key_parts(metric)) return !is_extreme(*key);
  const auto all = columns();
  const auto column = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == metric; });
  if (column == all.end()) return false;
  return column->group == ColumnGroup::throughput || column->group == ColumnGroup::goodput ||
         column->group == ColumnGroup::money;
}

PooledFigures::PooledFigures(const Scenario& scenario, const DeviceFigures& device, const std::string& metric)
    : scenario_(scenario), device_(device), metric_(metric) {
  const auto key = latency_key_parts(metric);
  if (!key || is_extreme(*key) || (!key->quantile && key->statistic != "mean")) return;
  latency_ = metric_named(key->metric);
  quantile_ = key->quantile;
}

void PooledFigures::add(const RunMeasures& run) {
  const std::size_t at = added_++ % kMostParts;
  if (at == parts_.size()) parts_.emplace_back();
  Part& part = parts_[at];
  const MeasureView view = view_of(scenario_, device_, run, run.steady, Scope::steady);
  ++part.replications;
  if (latency_ == nullptr) {
    part.sum += metric_value(view, metric_, Population::offered).value_or(std::nan(""));
    return;
  }
  part.latencies.add(*latency_->of(view));
  if (latency_->per_request) part.failed += run.steady.failed();
}

double PooledFigures::figure_of(const BucketCounts& latencies, std::int64_t failed) const {
  constexpr double kMsPerNs = 1e-6;
  if (latencies.count() == 0 && (failed == 0 || !quantile_)) return std::nan("");
  return (quantile_ ? latencies.percentile(*quantile_, failed) : latencies.mean()) * kMsPerNs;
}

PooledFigures::LeftOut PooledFigures::leave_out() const {
  BucketCounts all;
  std::int64_t failed = 0;
  for (const Part& part : parts_) {
    all.add(part.latencies);
    failed += part.failed;
  }
  LeftOut result;
  result.whole = figure_of(all, failed);
  for (const Part& part : parts_)
    result.without_each.push_back(figure_of(all.without(part.latencies), failed - part.failed));
  return result;
}

std::vector<double> PooledFigures::means() const {
  std::vector<double> means;
  for (const Part& part : parts_) means.push_back(part.sum / part.replications);
  return means;
}

std::vector<double> PooledFigures::values() const {
  if (latency_ == nullptr) return means();
  if (parts_.size() == 1) return {figure_of(parts_.front().latencies, parts_.front().failed)};
  if (parts_.empty()) return {};
  const LeftOut left = leave_out();
  const auto finite = [](double v) { return std::isfinite(v); };
  if (finite(left.whole) && std::all_of(left.without_each.begin(), left.without_each.end(), finite))
    return pseudo_values(left.whole, left.without_each);
  std::vector<double> each;
  for (const Part& part : parts_) each.push_back(figure_of(part.latencies, part.failed));
  return each;
}

Interval PooledFigures::interval(double confidence) const {
  if (latency_ == nullptr || parts_.size() < 2) {
    std::vector<double> values = this->values();
    std::erase_if(values, [](double v) { return std::isnan(v); });
    return mean_interval(values, confidence);
  }
  const LeftOut left = leave_out();
  return jackknife_interval(left.whole, left.without_each, confidence);
}

}  // namespace foretoken
