// A run as trace events that Perfetto and chrome://tracing open: written while it is simulated.
//
// A replica is a process and each of its ranks a thread; a step is a slice with its batch and its bound, a request an
// asynchronous slice with queue, prefill and decode in it, a preemption an instant; running, waiting and KV blocks are
// counters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/serving/observer.hpp"
#include "persistence/atomic_file.hpp"

namespace foretoken {

struct TimelineOptions {
  TimePoint from{};  // only what overlaps [from, to]
  TimePoint to = TimePoint::max();
  std::int64_t most_events = 500'000;  // about 80 MB; what comes later is counted
  int ranks_per_replica = 1;
};

// `10:20`, `10:` or `:20`, in seconds of simulated time. Errors say what is allowed.
[[nodiscard]] Result<TimelineOptions> parse_timeline_window(const std::string& text);

class TimelineFile final : public Observer {
 public:
  [[nodiscard]] static Result<TimelineFile> create(const std::string& path, const TimelineOptions& options);

  void on_steps(const StepSpan& span) override;
  void on_request(const RequestRecord& record) override;
  void on_gap(Duration, std::int64_t) override {}
  [[nodiscard]] bool wants_lifecycle() const override { return true; }
  void on_lifecycle(const LifecycleEvent& event) override;

  // Ends the file; empty = it is there.
  [[nodiscard]] Diagnostics commit();
  // After commit(), in words; empty = nothing inside the window was left out.
  [[nodiscard]] std::string left_out() const;

 private:
  TimelineFile(AtomicFile file, const TimelineOptions& options) : file_(std::move(file)), options_(options) {}
  [[nodiscard]] bool overlaps(TimePoint begin, TimePoint end) const {
    return begin <= options_.to && end >= options_.from;
  }
  // False when the file is full: then they are counted.
  [[nodiscard]] bool has_room(std::int64_t events, TimePoint at);
  void write(std::string_view event);
  void step(const StepSpan& span, TimePoint begin, TimePoint end, bool first);
  void counters(const StepSpan& span);
  void name_threads(int rank);

  AtomicFile file_;
  TimelineOptions options_;
  std::int64_t events_ = 0;
  std::int64_t dropped_ = 0;
  TimePoint dropped_from_ = TimePoint::max();
  std::vector<bool> named_;  // by rank
  struct Counters {
    std::int64_t running = -1, waiting = -1, kv_blocks = -1;
    bool operator==(const Counters&) const = default;
  };
  std::vector<Counters> last_;  // by rank: only changes are written
};

}  // namespace foretoken
