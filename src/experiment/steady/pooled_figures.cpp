// Replications are dealt out to the parts in turn; the jackknife leaves out one part at a time, a quantile's test
// counts in each part.
#include "experiment/steady/pooled_figures.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/latency_key.hpp"
#include "experiment/replication.hpp"

namespace foretoken {
namespace {

const LatencyMetric* metric_named(std::string_view name) {
  const auto all = latency_metrics();
  const auto at = std::find_if(all.begin(), all.end(), [&](const LatencyMetric& m) { return m.name == name; });
  return at == all.end() ? nullptr : &*at;
}

constexpr double kMsPerNs = 1e-6;

bool is_extreme(const LatencyKeyParts& key) {
  return key.quantile && (*key.quantile <= 0 || *key.quantile >= 1);
}

}  // namespace

bool has_steady_value(std::string_view metric) {
  if (const auto key = latency_key_parts(metric)) return !is_extreme(*key);
  const std::string_view key = split_metric(metric).key;
  const auto all = columns();
  const auto column = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == key; });
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
  const MeasureView requests = of_class(view, split_metric(metric_).request_class);
  part.latencies.add(*latency_->of(requests));
  if (latency_->per_request) part.failed += requests.requests.failed();
}

double PooledFigures::figure_of(const BucketCounts& latencies, std::int64_t failed) const {
  if (latencies.count() == 0 && (failed == 0 || !quantile_)) return std::nan("");
  return (quantile_ ? latencies.percentile(*quantile_, failed) : latencies.mean()) * kMsPerNs;
}

PooledFigures::Part PooledFigures::pool() const {
  Part all;
  for (const Part& part : parts_) {
    all.latencies.add(part.latencies);
    all.failed += part.failed;
  }
  return all;
}

PooledFigures::LeftOut PooledFigures::leave_out() const {
  const Part all = pool();
  LeftOut result;
  result.whole = figure_of(all.latencies, all.failed);
  for (const Part& part : parts_) {
    const bool some = all.latencies.count() > part.latencies.count();
    result.without_each.push_back(some ? all.latencies.mean_without(part.latencies) * kMsPerNs : std::nan(""));
  }
  return result;
}

std::vector<double> PooledFigures::excess_above(double latency) const {
  double requests = 0;
  std::vector<double> excess;
  for (const Part& part : parts_) {
    const auto count = static_cast<double>(part.latencies.count() + part.failed);
    requests += count;
    excess.push_back(part.latencies.count_above(latency) + static_cast<double>(part.failed) - (1 - *quantile_) * count);
  }
  for (double& e : excess) e *= static_cast<double>(parts_.size()) / requests;
  return excess;
}

// Woodruff (1952): a latency belongs to the interval when the parts do not contradict that a share 1 - q of all
// requests lies above it. Unlike the spread of the parts' quantiles that needs no density at the quantile.
Interval PooledFigures::quantile_interval(double confidence) const {
  const Part all = pool();
  Interval interval;
  interval.confidence = confidence;
  interval.value = figure_of(all.latencies, all.failed);
  if (std::isnan(interval.value)) return interval;
  const auto excess_at_rank = [&](double rank) {
    return skewed_mean_interval(excess_above(all.latencies.percentile(rank, all.failed)), confidence);
  };
  // Far out few parts have anything to count and seem to agree: there the error is no less than at the quantile itself.
  const double least_error =
      mean_interval(excess_above(all.latencies.percentile(*quantile_, all.failed)), confidence).half_width();
  // On each side the last rank that is not rejected, by bisection: fewer requests lie above a larger latency.
  const auto last_accepted = [&](double rejected, auto&& accepts) {
    double accepted = *quantile_;
    for (int i = 0; i < 40; ++i) {
      const double middle = (accepted + rejected) / 2;
      (accepts(excess_at_rank(middle)) ? accepted : rejected) = middle;
    }
    return all.latencies.percentile(accepted, all.failed) * kMsPerNs;
  };
  const auto low = [](const Interval& excess) { return excess.low <= 0; };
  const auto high = [&](const Interval& excess) { return std::max(excess.high, excess.value + least_error) >= 0; };
  interval.low = std::min(interval.value, last_accepted(0, low));
  interval.high = std::max(interval.value, last_accepted(1, high));
  return interval;
}

// Bahadur's representation: a part in which a share e more of the requests lies above the quantile would have put it
// higher by e / density. The density is that between the quantile and the end of the interval on that side: in a tail
// the same share moves a quantile further up than down.
std::vector<double> PooledFigures::quantile_values() const {
  constexpr double kWithin = 0.95;
  const Part all = pool();
  const double latency = all.latencies.percentile(*quantile_, all.failed);
  std::vector<double> values = excess_above(latency);
  const Interval excess = mean_interval(values, kWithin);
  const double below = std::max(0.0, *quantile_ - excess.half_width()),
               above = std::min(1.0, *quantile_ + excess.half_width());
  const auto per_share = [&](double end) {
    return end == *quantile_ ? 0 : (all.latencies.percentile(end, all.failed) - latency) / (end - *quantile_);
  };
  const double up = per_share(above), down = per_share(below);
  for (double& v : values) v = (latency + (v > 0 ? up : down) * v) * kMsPerNs;
  return values;
}

std::vector<double> PooledFigures::means() const {
  std::vector<double> means;
  for (const Part& part : parts_) means.push_back(part.sum / part.replications);
  return means;
}

std::vector<double> PooledFigures::mean_values() const {
  const LeftOut left = leave_out();
  return pseudo_values(left.whole, left.without_each);
}

std::vector<double> PooledFigures::values() const {
  if (latency_ == nullptr) return means();
  if (parts_.size() == 1) return {figure_of(parts_.front().latencies, parts_.front().failed)};
  if (parts_.empty()) return {};
  std::vector<double> values = quantile_ ? quantile_values() : mean_values();
  if (std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) return values;
  values.clear();
  for (const Part& part : parts_) values.push_back(figure_of(part.latencies, part.failed));
  return values;
}

Interval PooledFigures::interval(double confidence) const {
  if (latency_ == nullptr || parts_.size() < 2) {
    std::vector<double> values = this->values();
    std::erase_if(values, [](double v) { return std::isnan(v); });
    return mean_interval(values, confidence);
  }
  if (quantile_) return quantile_interval(confidence);
  const LeftOut left = leave_out();
  return jackknife_interval(left.whole, left.without_each, confidence);
}

}  // namespace foretoken
