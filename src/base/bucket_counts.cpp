// Counts by bucket, pooled.
#include <algorithm>
#include <limits>

#include "base/log_buckets.hpp"
#include "foretoken/base/statistics.hpp"

namespace foretoken {

void OctaveCounts::add(const OctaveCounts& other) {
  for (std::size_t octave = 0; octave < other.octaves_.size(); ++octave) {
    const std::vector<std::int64_t>& more = other.octaves_[octave];
    if (!more.empty()) octaves_[octave].resize(more.size());
    for (std::size_t i = 0; i < more.size(); ++i) octaves_[octave][i] += more[i];
  }
}

void BucketCounts::add(const Distribution& d) {
  for (const Distribution::Entry& entry : d.entries_) buckets_.add(bucket_index(entry.value), entry.weight);
  buckets_.add(d.buckets_);
  count_ += d.count_;
  sum_ += d.sum_;
  min_ = std::min(min_, d.min_);
  max_ = std::max(max_, d.max_);
}

void BucketCounts::add(const BucketCounts& other) {
  buckets_.add(other.buckets_);
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double BucketCounts::mean() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

double BucketCounts::mean_without(const BucketCounts& part) const {
  const std::int64_t count = count_ - part.count_;
  return count == 0 ? 0 : static_cast<double>(sum_ - part.sum_) / static_cast<double>(count);
}

double BucketCounts::percentile(double q, std::int64_t failed) const {
  const std::int64_t offered = count_ + std::max<std::int64_t>(failed, 0);
  if (offered == 0) return 0;
  const Rank rank = rank_of(q, offered);
  if (rank.below + (rank.share > 0 ? 1 : 0) >= count_) return std::numeric_limits<double>::infinity();
  return value_at(static_cast<double>(rank.below) + rank.share);
}

double BucketCounts::value_at(double position) const {
  if (count_ == 0) return 0;
  double passed = 0;
  double value = static_cast<double>(max_);
  buckets_.visit(bucket_index(min_), [&](std::size_t i, std::int64_t count) {
    const auto here = static_cast<double>(count);
    if (passed + here <= position) {
      passed += here;
      return true;
    }
    const auto low = static_cast<double>(lowest_of_bucket(i)), high = static_cast<double>(highest_of_bucket(i));
    value = low + (high - low) * (position - passed) / here;
    return false;
  });
  return std::clamp(value, static_cast<double>(min_), static_cast<double>(max_));
}

double BucketCounts::count_above(double value) const {
  if (count_ == 0 || !(value < static_cast<double>(max_))) return 0;
  if (value < static_cast<double>(min_)) return static_cast<double>(count_);
  const std::size_t first = bucket_index(static_cast<std::int64_t>(value));
  const auto low = static_cast<double>(lowest_of_bucket(first)), high = static_cast<double>(highest_of_bucket(first));
  const double share = high > low ? std::min(1.0, (high - value) / (high - low)) : 0;
  double above = share * static_cast<double>(buckets_.at(first));
  buckets_.visit(first + 1, [&](std::size_t, std::int64_t count) {
    above += static_cast<double>(count);
    return true;
  });
  return above;
}

}  // namespace foretoken
