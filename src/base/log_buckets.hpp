// The buckets of distributions in sketch form, and the ranks that quantiles ask for.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "foretoken/base/statistics.hpp"

namespace foretoken {

// Index of a value: its bit width and the 9 bits after the leading one, so a
// bucket is 1/512 of its lowest value wide or narrower. Below 1,024 a bucket
// holds one value. Integers only: no rounding, the same everywhere.
constexpr int kIndexBits = OctaveCounts::kIndexBits;
constexpr std::size_t kBucketsPerOctave = std::size_t{1} << kIndexBits;

constexpr int shift_of(std::int64_t value) {
  const int width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
  return std::max(width - (kIndexBits + 1), 0);
}
constexpr std::size_t bucket_index(std::int64_t value) {
  const int shift = shift_of(value);
  return static_cast<std::size_t>(shift) * kBucketsPerOctave + static_cast<std::size_t>(value >> shift);
}
constexpr int shift_of_bucket(std::size_t index) {
  return index < 2 * kBucketsPerOctave ? 0 : static_cast<int>(index / kBucketsPerOctave) - 1;
}
constexpr std::int64_t lowest_of_bucket(std::size_t index) {
  const int shift = shift_of_bucket(index);
  return static_cast<std::int64_t>(index - static_cast<std::size_t>(shift) * kBucketsPerOctave) << shift;
}
constexpr std::int64_t highest_of_bucket(std::size_t index) {
  return lowest_of_bucket(index) + ((std::int64_t{1} << shift_of_bucket(index)) - 1);
}
constexpr std::size_t kBuckets = bucket_index(std::numeric_limits<std::int64_t>::max()) + 1;
static_assert(highest_of_bucket(kBuckets - 1) == std::numeric_limits<std::int64_t>::max());
static_assert(bucket_index(lowest_of_bucket(1024)) == 1024 && highest_of_bucket(1023) + 1 == lowest_of_bucket(1024));

struct Rank {
  std::int64_t below = 0;
  double share = 0;  // of the way to the next rank
};

inline Rank rank_of(double q, std::int64_t count) {
  const double clamped = q > 0 ? std::min(q, 1.0) : 0.0;
  const double position = clamped * static_cast<double>(count - 1);
  const double below = std::floor(position);
  return {std::min(static_cast<std::int64_t>(below), count - 1), position - below};
}

}  // namespace foretoken
