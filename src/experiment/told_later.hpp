// What the observers of several shards are told, kept, and told again in the order of one thread.
#pragma once

#include <compare>
#include <deque>
#include <span>
#include <vector>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/serving/observer.hpp"

namespace foretoken {

// When one thread would come to it: the events of an instant have an order (src/serving/cluster/cluster_events.hpp).
struct Moment {
  TimePoint at{};
  enum Phase : std::uint8_t { steps_end, arrival, end_of_way, queue_timeout, run_stopped } phase = steps_end;
  std::int64_t which = 0;  // of an arrival its request, else the rank
  auto operator<=>(const Moment&) const = default;
};

// Of one shard, whose ranks are numbered from `first_rank` on among all.
class TellLater final : public Observer {
 public:
  struct Call {
    Moment moment;
    enum Kind : std::uint8_t { request, steps, gap } kind = request;
    std::size_t place = 0;  // among those of its kind
  };
  struct Gap {
    Duration duration{};
    std::int64_t rows = 0;
  };
  struct Window {
    std::vector<Call> calls;
    std::vector<RequestRecord> requests;
    std::vector<StepSpan> steps;  // without `prefill` and `run`, which may move: the next three
    std::vector<std::size_t> chunks_end;
    std::vector<PrefillChunk> chunks;
    std::deque<DecodeRun> runs;
    std::vector<Gap> gaps;
    void clear();
  };

  TellLater(int first_rank, const EngineConfig& engine);
  void on_request(const RequestRecord& record) override;
  void on_steps(const StepSpan& span) override;
  void on_gap(Duration gap, std::int64_t rows) override;
  // All since the last time; `window` keeps its room for what is to come.
  void take(Window& window);

 private:
  [[nodiscard]] Moment moment_of(const RequestRecord& record) const;

  int first_rank_;
  bool has_front_end_;
  Moment boundary_;  // of the last span
  Window window_;
};

class TellInOrder {
 public:
  explicit TellInOrder(Observer& observer) : observer_(observer) {}
  void will_arrive(const Request& request) { arrivals_.push_back({request.arrival, Moment::arrival, request.index}); }
  // Of one window of time, those of each shard, which are used up.
  void all_of(std::vector<TellLater::Window>& shards);
  // Of a run that ended then.
  [[nodiscard]] std::int64_t peak_in_system(TimePoint end);

 private:
  void arrive_until(const Moment& moment);

  Observer& observer_;
  std::deque<Moment> arrivals_;  // to come
  std::int64_t in_system_ = 0;
  std::int64_t peak_ = 0;
};

}  // namespace foretoken
