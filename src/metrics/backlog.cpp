// Bucketed counts of arrivals, first schedulings and departures, and their trend.
#include "metrics/backlog.hpp"

#include <algorithm>

#include "base/stationarity.hpp"

namespace foretoken {

BacklogSeries::Bucket& BacklogSeries::at(TimePoint time) {
  while (index_of(time) >= kBuckets) double_width();
  return buckets_[index_of(time)];
}

void BacklogSeries::double_width() {
  for (std::size_t i = 0; i < kBuckets / 2; ++i) {
    const Bucket &a = buckets_[2 * i], &b = buckets_[2 * i + 1];
    buckets_[i] = {a.arrived + b.arrived, a.scheduled + b.scheduled, a.left + b.left, a.finished + b.finished,
                   a.residence + b.residence};
  }
  std::fill(buckets_.begin() + kBuckets / 2, buckets_.end(), Bucket{});
  width_ *= 2;
}

void BacklogSeries::add(const RequestRecord& r) {
  const bool was_served = r.outcome == Outcome::finished;
  last_arrival_ = std::max(last_arrival_, r.request.arrival);
  if (r.outcome != Outcome::unfinished) {
    ++at(r.finish).left;
    ++at(was_served ? r.scheduled : r.finish).scheduled;
  }
  Bucket& arrived = at(r.request.arrival);
  ++arrived.arrived;
  if (!was_served) return;
  ++arrived.finished;
  arrived.residence += (r.finish - r.request.arrival).count();
}

Duration BacklogSeries::early_residence() const {
  std::int64_t finished = 0, residence = 0;
  for (std::size_t i = 0; i <= index_of(last_arrival_) / 16; ++i) {
    finished += buckets_[i].finished;
    residence += buckets_[i].residence;
  }
  return Duration{residence / std::max<std::int64_t>(1, finished)};
}

BacklogGrowth BacklogSeries::growth(Duration residence) const {
  BacklogGrowth growth;
  const std::size_t end = index_of(last_arrival_);  // the last bucket is not full
  if (end < 16) return growth;
  const double width = to_seconds(width_);
  // While the batch fills, the number in the system grows in any queue.
  const std::size_t fill = 2 * index_of(TimePoint{} + residence);
  const std::size_t half = end / 2;
  const std::size_t from = std::max(half, fill);
  growth.filled = from + end / 4 <= end;
  std::vector<double> time, waiting, in_system;
  std::int64_t arrived = 0, scheduled = 0, left = 0;
  for (std::size_t i = 0; i < end; ++i) {
    arrived += buckets_[i].arrived;
    scheduled += buckets_[i].scheduled;
    left += buckets_[i].left;
    if (i < half) continue;
    time.push_back(static_cast<double>(i) * width);
    waiting.push_back(static_cast<double>(arrived - scheduled));
    in_system.push_back(static_cast<double>(arrived - left));
  }
  growth.arrival_rate = static_cast<double>(arrived) / (static_cast<double>(end) * width);
  growth.waiting = slope_of(time, waiting);
  growth.waiting_window = static_cast<double>(end - half) * width;
  growth.waiting_at_end = waiting.back();
  if (!growth.filled) return growth;
  const std::size_t skip = from - half;
  growth.window = static_cast<double>(end - from) * width;
  growth.in_system_at_end = in_system.back();
  growth.in_system = slope_of(std::span(time).subspan(skip), std::span(in_system).subspan(skip));
  return growth;
}

}  // namespace foretoken
