// Copies in whole nanoseconds.
#include "serving/kv_cache/copy_link.hpp"

#include <algorithm>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kBillion = 1'000'000'000;

}  // namespace

// At `rate` until there is nothing left, or until `until`.
void CopyLink::go_on(Direction direction, std::int64_t rate, TimePoint until, Progress& progress) {
  if (progress.left == 0 || until <= progress.at) return;
  const FineTotal needed = (progress.left + rate - 1) / rate;
  const bool ends = until == kNever || needed <= static_cast<FineTotal>((until - progress.at).count());
  const TimePoint end = ends ? progress.at + Duration{static_cast<std::int64_t>(needed)} : until;
  if (shared_ > 0) {
    std::deque<Busy>& busy = busy_[direction];
    if (!busy.empty() && busy.back().end == progress.at && busy.back().rate == rate)
      busy.back().end = end;
    else
      busy.push_back({progress.at, end, rate});
  }
  progress.left = ends ? 0 : progress.left - static_cast<FineTotal>((end - progress.at).count()) * rate;
  progress.at = end;
}

CopyLink::Copy CopyLink::copy(Direction direction, std::int64_t bytes, Duration least, TimePoint at) {
  invariant(bytes >= 0 && rates_[direction] > 0, "a copy of less than nothing, or over no link");
  const TimePoint begin = std::max(at, free_at_[direction]);
  Progress progress{begin + latency_, static_cast<FineTotal>(bytes) * kBillion};
  const std::int64_t alone = rates_[direction];
  if (shared_ > 0) {
    const Direction other = direction == kRead ? kWrite : kRead;
    for (std::size_t i = 0; i < busy_[other].size() && progress.left > 0; ++i) {
      const Busy busy = busy_[other][i];
      go_on(direction, alone, busy.begin, progress);
      go_on(direction, std::clamp<std::int64_t>(shared_ - busy.rate, 1, alone), busy.end, progress);
    }
  }
  go_on(direction, alone, kNever, progress);
  free_at_[direction] = std::max(progress.at, begin + latency_ + least);
  return {begin, free_at_[direction]};
}

void CopyLink::forget_before(TimePoint known) {
  for (std::deque<Busy>& busy : busy_) {
    while (!busy.empty() && busy.front().end <= known) busy.pop_front();
  }
}

}  // namespace foretoken
