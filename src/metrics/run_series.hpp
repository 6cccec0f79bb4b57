// What a run looked like over time, small enough to be drawn: an observer that keeps at most kBuckets buckets and some
// requests, whatever the length of the run.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "foretoken/serving/observer.hpp"

namespace foretoken {

// Of one stretch of simulated time, all replicas together. Means over time are sums over `width`.
struct SeriesBucket {
  double running = 0;         // requests x ns
  double waiting = 0;         // requests x ns
  double kv_blocks = 0;       // blocks x ns; of a stretch of decode steps, as in its first
  double prefill_tokens = 0;  // of steps, by their share of time in the bucket; likewise the next two
  double decode_tokens = 0;
  double steps = 0;
  double most_kv_usage = 0;       // of one replica, as a share of its blocks
  std::int64_t most_waiting = 0;  // of one replica
  std::int64_t preemptions = 0;
  void add(const SeriesBucket& o);
};

class RunSeries final : public Observer {
 public:
  static constexpr std::size_t kBuckets = 1024;  // doubles its width when a run outgrows them
  static constexpr std::int64_t kNeighbours = 60;
  static constexpr std::size_t kSlowest = 20;

  // By rank, the blocks there are; none: usage is not known.
  explicit RunSeries(std::vector<std::int64_t> kv_blocks = {}) : kv_blocks_(std::move(kv_blocks)) {
    buckets_.reserve(kBuckets);
  }

  void on_steps(const StepSpan& span) override;
  void on_request(const RequestRecord& record) override;
  void on_gap(Duration, std::int64_t) override {}
  [[nodiscard]] bool wants_lifecycle() const override { return true; }
  void on_lifecycle(const LifecycleEvent& event) override {
    if (event.edge == LifecycleEdge::preempted) ++buckets_[index_of(event.at)].preemptions;
  }

  [[nodiscard]] const std::vector<SeriesBucket>& buckets() const { return buckets_; }
  [[nodiscard]] Duration width() const { return width_; }
  // Of all ranks.
  [[nodiscard]] std::int64_t kv_blocks() const {
    return std::accumulate(kv_blocks_.begin(), kv_blocks_.end(), std::int64_t{0});
  }

  // Requests that arrived one after the other, from about the middle of the run on; by index.
  [[nodiscard]] std::vector<RequestRecord> neighbours() const;
  // The completed ones that waited longest for their first token; the worst first.
  [[nodiscard]] std::vector<RequestRecord> slowest() const;

 private:
  std::size_t index_of(TimePoint at);
  void add(const StepSpan& span);
  void spread(const StepSpan& span);
  void add_part(SeriesBucket& b, const StepSpan& span, double ns, double share) const;

  std::vector<std::int64_t> kv_blocks_;  // by rank
  std::vector<SeriesBucket> buckets_;
  Duration width_{std::chrono::milliseconds{1}};
  // The bucket of the last look-up, [begin_, end_), spares the next a division.
  std::size_t current_ = 0;
  TimePoint begin_{};
  TimePoint end_{};
  // The requests [2^k, 2^k + kNeighbours) by k: whatever the length of the run, one of them is near its middle.
  std::array<std::vector<RequestRecord>, 64> neighbours_;
  std::vector<RequestRecord> slowest_;  // a heap, the quickest on top
};

}  // namespace foretoken
