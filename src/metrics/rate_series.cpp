// Tokens and completions per bucket of simulated time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/collector.hpp"

namespace foretoken {

// Over several buckets, the steps that end before each edge are counted in closed form.
void RateSeries::tokens(const StepSpan& span) {
  Bucket& last = bucket(span.end);  // widths may double here, not in the loop
  if (span.run == nullptr || span.begin >= begin_) {
    last.output_tokens += span.decode_rate().tokens() * span.steps + span.accepted;
    return;
  }
  std::int64_t done = 0;
  TimePoint at = span.begin;
  while (done < span.steps) {
    const std::int64_t index = at.time_since_epoch() / width_;
    const TimePoint edge{width_ * (index + 1)};
    std::int64_t before_edge = span.steps;
    if (edge <= span.end) {
      // Steps with begin + ceil(elapsed) < edge: those before the first that takes longer than edge - begin - 1 ns.
      const FineDuration limit = fine_from(edge - span.begin - Duration{1});
      before_edge = std::min(span.steps, span.run->steps_to_reach(limit + FineDuration{1}) - 1);
    }
    if (before_edge > done) {
      buckets_[static_cast<std::size_t>(index)].output_tokens += (before_edge - done) * span.decode_rate().tokens();
      done = before_edge;
    }
    at = edge;
  }
}

void RateSeries::look_up(TimePoint at) {
  while (at.time_since_epoch() / width_ >= static_cast<std::int64_t>(kBuckets)) double_width();
  current_ = static_cast<std::size_t>(at.time_since_epoch() / width_);
  begin_ = TimePoint{width_ * static_cast<std::int64_t>(current_)};
  end_ = begin_ + width_;
  if (current_ >= buckets_.size()) buckets_.resize(current_ + 1);
}

void RateSeries::double_width() {
  const std::size_t half = (buckets_.size() + 1) / 2;
  for (std::size_t i = 0; i < half; ++i) {
    Bucket sum = buckets_[2 * i];
    if (2 * i + 1 < buckets_.size()) {
      const Bucket& next = buckets_[2 * i + 1];
      sum.output_tokens += next.output_tokens;
      sum.completed += next.completed;
      sum.input_tokens += next.input_tokens;
    }
    buckets_[i] = sum;
  }
  buckets_.resize(half);
  width_ *= 2;
}

WindowRates RateSeries::between(TimePoint begin, TimePoint end) const {
  WindowRates sum;
  sum.seconds = to_seconds(end - begin);
  const double width = to_seconds(width_);
  const double first = to_seconds(begin) / width;
  const double last = to_seconds(end) / width;
  for (auto i = static_cast<std::size_t>(first); i < buckets_.size() && static_cast<double>(i) < last; ++i) {
    const double lo = std::max(first, static_cast<double>(i));
    const double share = std::min(last, static_cast<double>(i) + 1) - lo;
    sum.completed += share * static_cast<double>(buckets_[i].completed);
    sum.input_tokens += share * static_cast<double>(buckets_[i].input_tokens);
    sum.output_tokens += share * static_cast<double>(buckets_[i].output_tokens);
  }
  return sum;
}

double RateSeries::busiest_second() const {
  const Duration second = std::chrono::seconds{1};
  if (width_ > second) return std::numeric_limits<double>::quiet_NaN();
  const auto per_second = static_cast<std::size_t>(second / width_);
  std::int64_t most = 0;
  for (std::size_t i = 0; i < buckets_.size(); i += per_second) {
    std::int64_t sum = 0;
    for (std::size_t j = i; j < std::min(i + per_second, buckets_.size()); ++j) sum += buckets_[j].output_tokens;
    most = std::max(most, sum);
  }
  return static_cast<double>(most);
}

}  // namespace foretoken
