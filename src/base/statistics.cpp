// Distribution: a list of values that turns into logarithmic buckets when it
// grows too long; moments in exact integers beside it.
#include "foretoken/base/statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "base/integer_sums.hpp"
#include "base/log_buckets.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

// Below this the closed form of a ramp costs more than a loop.
constexpr std::int64_t kShortRamp = 16;
// Keeps the sums of squares of a ramp (values < 2^43 ns) within 128 bits.
constexpr std::int64_t kLongestRamp = std::int64_t{1} << 36;

// As numpy's `_lerp`, which rounds the same way from both ends. Infinity stays
// infinity, where numpy's subtraction gives NaN.
double interpolate(double low, double high, double share) {
  if (share == 0 || low == high) return low;
  if (std::isinf(high)) return high;
  const double gap = high - low;
  return share < 0.5 ? low + gap * share : high - gap * (1 - share);
}

std::int64_t ceil_ns(std::int64_t units) {
  // Not through ceil_to_nanoseconds: its sum overflows within 1 ns of the largest duration.
  const std::int64_t whole = units >> FineDuration::kFractionBits;
  return whole + ((units & (FineDuration::kPerNanosecond - 1)) != 0 ? 1 : 0);
}

}  // namespace

double percentile_of_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty()) return 0;
  const Rank rank = rank_of(q, static_cast<std::int64_t>(sorted.size()));
  const auto below = static_cast<std::size_t>(rank.below);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return interpolate(sorted[below], sorted[above], rank.share);
}

inline void Distribution::count_one(std::int64_t value) {
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  ++count_;
  sum_ += value;
  const auto unsigned_value = static_cast<std::uint64_t>(value);
  add_small(squares_, UInt128{unsigned_value} * unsigned_value);
}

inline void Distribution::count_moments(std::int64_t value, std::int64_t weight) {
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += weight;
  const auto unsigned_value = static_cast<std::uint64_t>(value);
  sum_ += Int128{value} * weight;
  add_product(squares_, UInt128{unsigned_value} * unsigned_value, static_cast<std::uint64_t>(weight));
}

// Decided on the count, which depends on the multiset alone.
inline void Distribution::choose_form() {
  if (exact() && count_ > kExactLimit) [[unlikely]]
    spill();
}

inline void Distribution::store(std::int64_t value, std::int64_t weight) {
  if (!exact()) [[likely]]
    buckets_.add(bucket_index(value), weight);
  else
    store_as_it_is(value, weight);
}

// Out of line, so that whoever stores in sketch form saves no registers.
[[gnu::noinline]] void Distribution::store_as_it_is(std::int64_t value, std::int64_t weight) {
  choose_form();
  if (!exact()) return buckets_.add(bucket_index(value), weight);
  entries_.push_back({value, weight});
  is_sorted_ = false;
}

// Every request passes here for each of its latencies.
void Distribution::add(Duration value) {
  const std::int64_t ns = value.count();
  invariant(ns >= 0, "a distribution takes no negative values");
  count_one(ns);
  store(ns, 1);
}

void Distribution::add(Duration value, std::int64_t weight) {
  const std::int64_t ns = value.count();
  invariant(ns >= 0 && weight >= 0, "a distribution takes no negative values or weights");
  if (weight == 0) return;
  count_moments(ns, weight);
  store(ns, weight);
}

void Distribution::spill() {
  buckets_.begin();
  for (const Entry& entry : entries_) buckets_.add(bucket_index(entry.value), entry.weight);
  std::vector<Entry>().swap(entries_);
  is_sorted_ = true;
}

void Distribution::add_ramp(FineDuration first, FineDuration step, std::int64_t count, std::int64_t weight) {
  invariant(count >= 0 && weight >= 0, "a ramp has no negative count or weight");
  if (count == 0 || weight == 0) return;
  std::int64_t rise = 0, start = first.units, last = 0;
  invariant(!__builtin_mul_overflow(step.units, count - 1, &rise) && !__builtin_add_overflow(start, rise, &last),
            "a ramp beyond the longest duration");
  std::int64_t stride = step.units;
  if (stride < 0) {
    std::swap(start, last);
    stride = -stride;
  }
  invariant(start >= 0, "a ramp with negative values");

  std::int64_t in_all = 0;
  invariant(!__builtin_mul_overflow(count, weight, &in_all), "a ramp of more values than can be counted");

  if (stride == 0) {
    add(Duration{ceil_ns(start)}, in_all);
  } else if (count <= kShortRamp) {
    add_short_ramp(start, stride, count, weight);
  } else {
    for (std::int64_t done = 0; done < count; done += kLongestRamp) {
      count_ramp_moments(start + done * stride, stride, std::min(count - done, kLongestRamp), weight);
    }
    choose_form();
    store_ramp(start, stride, count, weight);
  }
}

// A loop over the values; weights are multiplied once.
void Distribution::add_short_ramp(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t weight) {
  count_ += count * weight;
  choose_form();
  std::int64_t sum = 0;  // of up to 16 values below 2^43
  UInt128 squares = 0;
  std::int64_t value = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    value = ceil_ns(first + i * step);
    sum += value;
    squares += UInt128{static_cast<std::uint64_t>(value)} * static_cast<std::uint64_t>(value);
    store(value, weight);
  }
  min_ = std::min(min_, ceil_ns(first));
  max_ = std::max(max_, value);
  sum_ += Int128{sum} * weight;
  add_product(squares_, squares, static_cast<std::uint64_t>(weight));
}

void Distribution::count_ramp_moments(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t weight) {
  const Int128 units_per_ns = FineDuration::kPerNanosecond;
  const FloorSums sums = floor_sums(step, Int128{first} + units_per_ns - 1, units_per_ns, count - 1);
  const std::int64_t lowest = ceil_ns(first);
  min_ = std::min(min_, lowest);
  max_ = std::max(max_, ceil_ns(first + (count - 1) * step));
  count_ += count * weight;
  sum_ += sums.values * weight;
  add_product(squares_, static_cast<UInt128>(sums.squares), static_cast<std::uint64_t>(weight));
}

// All steps of one value, or in sketch form of one bucket, go in together. With D
// units per ns, the steps with ceil((first + i*step) / D) <= U are those with
// first + i*step <= U*D.
void Distribution::store_ramp(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t weight) {
  const std::int64_t last_value = ceil_ns(first + (count - 1) * step);
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t value = ceil_ns(first + done * step);
    const std::int64_t highest = exact() ? value : highest_of_bucket(bucket_index(value));
    std::int64_t next = done + 1;
    if (highest >= last_value) {
      next = count;
    } else if (highest > value || step < FineDuration::kPerNanosecond) {
      next = ((highest << FineDuration::kFractionBits) - first) / step + 1;
    }
    store(value, (next - done) * weight);
    done = next;
  }
}

void Distribution::merge(const Distribution& other) {
  if (other.count_ == 0) return;
  if (&other == this) {
    // merge() changes other as well. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const Distribution copy = other;
    merge(copy);
    return;
  }
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
  add_to(squares_, other.squares_);
  if (!other.exact()) {
    if (exact()) spill();
    buckets_.add(other.buckets_);
    return;
  }
  choose_form();
  if (exact()) {
    entries_.insert(entries_.end(), other.entries_.begin(), other.entries_.end());
    is_sorted_ = false;
  } else {
    for (const Entry& entry : other.entries_) buckets_.add(bucket_index(entry.value), entry.weight);
  }
}

const std::vector<Distribution::Entry>& Distribution::sorted() const {
  if (is_sorted_) return entries_;
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.value < b.value; });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    if (entries_[i].value == entries_[kept].value)
      entries_[kept].weight += entries_[i].weight;
    else
      entries_[++kept] = entries_[i];
  }
  entries_.resize(kept + 1);
  is_sorted_ = true;
  return entries_;
}

double Distribution::mean() const {
  if (count_ == 0) return 0;
  const Int128 whole = sum_ / count_, rest = sum_ % count_;
  return static_cast<double>(whole) + static_cast<double>(rest) / static_cast<double>(count_);
}

// sqrt(n * sum(x^2) - sum(x)^2) / n, without cancellation in integers.
double Distribution::standard_deviation() const {
  if (count_ == 0) return 0;
  const UInt256 spread =
      difference(product(squares_, static_cast<std::uint64_t>(count_)), square(static_cast<UInt128>(sum_)));
  return std::sqrt(to_double(spread)) / static_cast<double>(count_);
}

double Distribution::min() const {
  return count_ == 0 ? 0 : static_cast<double>(min_);
}
double Distribution::max() const {
  return static_cast<double>(max_);
}

double Distribution::percentile(double q, std::int64_t failed) const {
  const std::int64_t offered = count_ + std::max<std::int64_t>(failed, 0);
  if (offered == 0) return 0;
  const Rank rank = rank_of(q, offered);
  const std::int64_t highest = rank.share > 0 ? rank.below + 1 : rank.below;
  if (highest >= count_) return std::numeric_limits<double>::infinity();
  const double low = value_at_rank(rank.below);
  return rank.share > 0 ? interpolate(low, value_at_rank(highest), rank.share) : low;
}

double Distribution::value_at_rank(std::int64_t rank) const {
  if (rank <= 0) return min();
  if (rank >= count_ - 1) return max();
  std::int64_t passed = 0;
  for (const Entry& entry : sorted()) {
    passed += entry.weight;
    if (passed > rank) return static_cast<double>(entry.value);
  }
  std::optional<double> found;
  buckets_.visit(0, [&](std::size_t bucket, std::int64_t count) {
    passed += count;
    if (passed > rank) found = bucket_value(bucket);
    return !found;
  });
  invariant(found.has_value(), "a distribution whose entries do not add up to its count");
  return *found;
}

double Distribution::bucket_value(std::size_t index) const {
  const auto low = static_cast<double>(lowest_of_bucket(index)), high = static_cast<double>(highest_of_bucket(index));
  return std::clamp(low + (high - low) / 2, min(), max());
}

double Distribution::share_at_or_below(Duration limit) const {
  const std::int64_t ns = limit.count();
  if (count_ == 0 || ns < min_) return 0;
  if (ns >= max_) return 1;
  double below = 0;
  for (const Entry& entry : sorted()) {
    if (entry.value > ns) break;
    below += static_cast<double>(entry.weight);
  }
  if (!exact()) {
    const std::size_t cut = bucket_index(ns);
    buckets_.visit(0, [&](std::size_t bucket, std::int64_t count) {
      if (bucket < cut) below += static_cast<double>(count);
      return bucket < cut;
    });
    // Within the bucket of the limit the values are taken as evenly spread.
    const double width = static_cast<double>(std::int64_t{1} << shift_of_bucket(cut));
    below += static_cast<double>(buckets_.at(cut)) * (static_cast<double>(ns - lowest_of_bucket(cut)) + 1) / width;
  }
  return below / static_cast<double>(count_);
}

bool Distribution::operator==(const Distribution& other) const {
  return count_ == other.count_ && sum_ == other.sum_ && squares_ == other.squares_ && min_ == other.min_ &&
         max_ == other.max_ && sorted() == other.sorted() && buckets_ == other.buckets_;
}

}  // namespace foretoken
