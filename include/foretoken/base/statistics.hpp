// Percentiles and moments: exact up to a stated count, then a mergeable sketch
// with a stated relative error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

// numpy's linear rule on sorted values; q in [0, 1]. {1,2,3,4}: q .5 → 2.5, q .99 → 3.97.
[[nodiscard]] double percentile_of_sorted(std::span<const double> sorted, double q);

// Counts by bucket of a logarithmic scale. Memory only for octaves that hold something: a latency spans few.
class OctaveCounts {
 public:
  static constexpr int kIndexBits = 9;  // buckets per octave: 2^9
  [[nodiscard]] bool empty() const { return octaves_.empty(); }
  // Empty becomes: no counts yet.
  void begin() { octaves_.resize(kOctaves); }
  // Precondition: not empty().
  void add(std::size_t bucket, std::int64_t weight) {
    std::vector<std::int64_t>& octave = octaves_[bucket >> kIndexBits];
    if (octave.empty()) [[unlikely]]
      begin(octave);
    octave[bucket & kInOctave] += weight;
  }
  void add(const OctaveCounts& other);
  [[nodiscard]] std::int64_t at(std::size_t bucket) const {
    if (empty()) return 0;
    const std::vector<std::int64_t>& octave = octaves_[bucket >> kIndexBits];
    return octave.empty() ? 0 : octave[bucket & kInOctave];
  }
  // visit(bucket, count) of the buckets from `first` on that hold something, in order, until it returns false.
  template <class Visit>
  void visit(std::size_t first, Visit visit) const {
    for (std::size_t octave = first >> kIndexBits; octave < octaves_.size(); ++octave) {
      const std::vector<std::int64_t>& counts = octaves_[octave];
      const std::size_t begin = octave == first >> kIndexBits ? first & kInOctave : 0;
      for (std::size_t i = begin; i < counts.size(); ++i) {
        if (counts[i] != 0 && !visit((octave << kIndexBits) + i, counts[i])) return;
      }
    }
  }
  bool operator==(const OctaveCounts&) const = default;

 private:
  static constexpr std::size_t kOctaves = 64;
  static constexpr std::size_t kInOctave = (std::size_t{1} << kIndexBits) - 1;
  [[gnu::noinline]] static void begin(std::vector<std::int64_t>& octave) {
    octave.resize(std::size_t{1} << kIndexBits);
  }
  std::vector<std::vector<std::int64_t>> octaves_;  // an octave without counts is empty
};

// Weighted distribution of non-negative nanosecond values. Exact up to
// `kExactLimit` values (a weight counts as that many), then buckets of 1/512
// relative width (values answered by their bucket's middle: error at most
// 1/1024 < 0.1 %; below 1,024 ns still exact). What it answers depends only on the
// multiset of values, not on their order or grouping: a union of parts is the same
// as the whole. Reading sorts once, so not even const calls may run in parallel.
class Distribution {
 public:
  static constexpr std::int64_t kExactLimit = 20'000;
  static constexpr double kRelativeError = 1.0 / 1024.0;

  void add(Duration value);
  void add(Duration value, std::int64_t weight);
  // Values first, first + step, ... (count of them, each with `weight`), every
  // one rounded up to whole ns: the steps of a run of decode steps. Once in
  // sketch form O(buckets crossed); same state as adding them one by one.
  void add_ramp(FineDuration first, FineDuration step, std::int64_t count, std::int64_t weight);
  void merge(const Distribution& other);

  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] bool exact() const { return buckets_.empty(); }
  // Mean and deviation come from integer sums: exact in both forms, rounded
  // only on the way to double. All results in nanoseconds; 0 when empty.
  [[nodiscard]] double mean() const;
  [[nodiscard]] double standard_deviation() const;  // population, as numpy's default
  [[nodiscard]] double min() const;                 // exact in both forms
  [[nodiscard]] double max() const;
  // q in [0, 1], numpy's linear rule over the weighted multiset. `failed` more
  // values count as +infinity at the top (requests offered but never served).
  [[nodiscard]] double percentile(double q, std::int64_t failed = 0) const;
  // Share of the values at or below `limit`.
  [[nodiscard]] double share_at_or_below(Duration limit) const;

  bool operator==(const Distribution& other) const;

 private:
  friend class BucketCounts;
  struct Entry {
    std::int64_t value;
    std::int64_t weight;
    bool operator==(const Entry&) const = default;
  };
  void store(std::int64_t value, std::int64_t weight);
  void store_as_it_is(std::int64_t value, std::int64_t weight);
  void count_one(std::int64_t value);
  void count_moments(std::int64_t value, std::int64_t weight);
  void add_short_ramp(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t weight);
  void count_ramp_moments(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t weight);
  void store_ramp(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t weight);
  void choose_form();
  void spill();
  [[nodiscard]] const std::vector<Entry>& sorted() const;
  [[nodiscard]] double value_at_rank(std::int64_t rank) const;
  [[nodiscard]] double bucket_value(std::size_t index) const;

  // Exact form: as they came, until a reader wants them by value, each value once.
  mutable std::vector<Entry> entries_;
  mutable bool is_sorted_ = true;
  OctaveCounts buckets_;  // sketch form; empty before

  std::int64_t count_ = 0;
  __extension__ __int128 sum_ = 0;
  std::array<std::uint64_t, 4> squares_{};  // 256-bit sum of weight * value^2, lowest limb first
  std::int64_t min_ = INT64_MAX;
  std::int64_t max_ = 0;
};

// Several distributions pooled by bucket. Within a bucket the values
// are taken as evenly spread, so that a quantile moves smoothly with the counts: the error is below
// Distribution::kRelativeError all the same.
class BucketCounts {
 public:
  BucketCounts() { buckets_.begin(); }
  void add(const Distribution& d);
  void add(const BucketCounts& other);

  [[nodiscard]] std::int64_t count() const { return count_; }
  // As of Distribution, in nanoseconds; 0 when empty.
  [[nodiscard]] double mean() const;
  // Of all but those of `part`, which has been added.
  [[nodiscard]] double mean_without(const BucketCounts& part) const;
  [[nodiscard]] double percentile(double q, std::int64_t failed = 0) const;
  // How many values lie above this one: what percentile() is the inverse of.
  [[nodiscard]] double count_above(double value) const;

 private:
  [[nodiscard]] double value_at(double position) const;

  OctaveCounts buckets_;
  std::int64_t count_ = 0;
  __extension__ __int128 sum_ = 0;
  std::int64_t min_ = INT64_MAX;
  std::int64_t max_ = 0;
};

}  // namespace foretoken
