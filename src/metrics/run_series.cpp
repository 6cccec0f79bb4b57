// Buckets of simulated time, and a handful of requests.
#include "metrics/run_series.hpp"

#include <algorithm>
#include <bit>

namespace foretoken {
namespace {

Duration wait_of(const RequestRecord& r) {
  return r.first_token - r.request.arrival;
}

// Ties by index, so that the answer is one.
bool slower(const RequestRecord& a, const RequestRecord& b) {
  return wait_of(a) != wait_of(b) ? wait_of(a) > wait_of(b) : a.request.index < b.request.index;
}

std::int64_t prefill_tokens(const StepSpan& span) {
  std::int64_t tokens = 0;
  for (const PrefillChunk& chunk : span.prefill) tokens += chunk.new_tokens;
  return tokens;
}

}  // namespace

void SeriesBucket::add(const SeriesBucket& o) {
  running += o.running;
  waiting += o.waiting;
  kv_blocks += o.kv_blocks;
  prefill_tokens += o.prefill_tokens;
  decode_tokens += o.decode_tokens;
  steps += o.steps;
  most_kv_usage = std::max(most_kv_usage, o.most_kv_usage);
  most_waiting = std::max(most_waiting, o.most_waiting);
  preemptions += o.preemptions;
}

std::size_t RunSeries::index_of(TimePoint at) {
  if (at >= begin_ && at < end_) return current_;
  while (at.time_since_epoch() / width_ >= static_cast<std::int64_t>(kBuckets)) {
    for (std::size_t i = 0; 2 * i < buckets_.size(); ++i) {
      SeriesBucket sum = buckets_[2 * i];
      if (2 * i + 1 < buckets_.size()) sum.add(buckets_[2 * i + 1]);
      buckets_[i] = sum;
    }
    buckets_.resize((buckets_.size() + 1) / 2);
    width_ *= 2;
  }
  current_ = static_cast<std::size_t>(at.time_since_epoch() / width_);
  begin_ = TimePoint{width_ * static_cast<std::int64_t>(current_)};
  end_ = begin_ + width_;
  if (current_ >= buckets_.size()) buckets_.resize(current_ + 1);
  return current_;
}

// The span's part of `ns` nanoseconds, which are `share` of it.
void RunSeries::add_part(SeriesBucket& b, const StepSpan& span, double ns, double share) const {
  b.running += static_cast<double>(span.running) * ns;
  b.waiting += static_cast<double>(span.waiting) * ns;
  b.kv_blocks += static_cast<double>(span.kv_blocks_used) * ns;
  const double steps = static_cast<double>(span.steps) * share;
  b.steps += steps;
  b.decode_tokens += static_cast<double>(span.decode_rows) * steps;
  if (!span.prefill.empty()) b.prefill_tokens += static_cast<double>(prefill_tokens(span)) * share;
  const auto rank = static_cast<std::size_t>(span.replica);
  if (rank < kv_blocks_.size() && kv_blocks_[rank] > 0)
    b.most_kv_usage =
        std::max(b.most_kv_usage, static_cast<double>(span.kv_blocks_used) / static_cast<double>(kv_blocks_[rank]));
  b.most_waiting = std::max(b.most_waiting, span.waiting);
}

// A first step with prompts is longer than those that follow it.
void RunSeries::on_steps(const StepSpan& span) {
  if (span.joining == 0) return add(span);
  StepSpan first = span, others = span;
  first.steps = 1;
  first.run = nullptr;
  first.end = others.begin = span.begin + ceil_to_nanoseconds(span.time.total());
  first.decode_rows -= span.joining;
  others.steps -= 1;
  others.prefill = {};
  first.joining = others.joining = 0;
  add(first);
  add(others);
}

void RunSeries::add(const StepSpan& span) {
  index_of(span.end);  // widths may double here, not in between
  if (span.begin >= begin_) {
    add_part(buckets_[current_], span, static_cast<double>((span.end - span.begin).count()), 1);
    return;
  }
  spread(span);
}

void RunSeries::spread(const StepSpan& span) {
  const auto whole = static_cast<double>((span.end - span.begin).count());
  TimePoint at = span.begin;
  while (at < span.end) {
    const auto i = static_cast<std::size_t>(at.time_since_epoch() / width_);
    const TimePoint edge = std::min(span.end, TimePoint{width_ * static_cast<std::int64_t>(i + 1)});
    const auto ns = static_cast<double>((edge - at).count());
    add_part(buckets_[i], span, ns, ns / whole);
    at = edge;
  }
}

void RunSeries::on_request(const RequestRecord& record) {
  const std::int64_t index = record.request.index;
  if (index > 0) {
    const auto k = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(index)) - 1);
    if (index - static_cast<std::int64_t>(std::uint64_t{1} << k) < kNeighbours) neighbours_[k].push_back(record);
  }
  if (record.outcome != Outcome::finished) return;
  if (slowest_.size() == kSlowest) {
    if (!slower(record, slowest_.front())) return;
    std::pop_heap(slowest_.begin(), slowest_.end(), slower);
    slowest_.pop_back();
  }
  slowest_.push_back(record);
  std::push_heap(slowest_.begin(), slowest_.end(), slower);
}

std::vector<RequestRecord> RunSeries::neighbours() const {
  const auto full = [](const std::vector<RequestRecord>& group) {
    return static_cast<std::int64_t>(group.size()) == kNeighbours;
  };
  auto at = std::find_if(neighbours_.rbegin(), neighbours_.rend(), full);
  // A short run fills none: then all that there are.
  std::vector<RequestRecord> chosen;
  if (at != neighbours_.rend()) {
    chosen = *at;
  } else {
    for (const std::vector<RequestRecord>& group : neighbours_) chosen.insert(chosen.end(), group.begin(), group.end());
  }
  std::sort(chosen.begin(), chosen.end(),
            [](const RequestRecord& a, const RequestRecord& b) { return a.request.index < b.request.index; });
  if (static_cast<std::int64_t>(chosen.size()) > kNeighbours)
    chosen.erase(chosen.begin(), chosen.end() - static_cast<std::ptrdiff_t>(kNeighbours));
  return chosen;
}

std::vector<RequestRecord> RunSeries::slowest() const {
  std::vector<RequestRecord> sorted = slowest_;
  std::sort(sorted.begin(), sorted.end(), slower);
  return sorted;
}

}  // namespace foretoken
