// Flows of bytes that share links fairly.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

// Links have a bandwidth in one direction. Rates are max-min fair: all flows grow alike until a link is full or a flow
// has its own limit; those are held there, and the rest goes on (progressive filling; Bertsekas and Gallager, "Data
// Networks", 6.5.2). They change only when a flow starts or ends, and are whole bytes per second, so that what is left
// of a flow is an exact number of nano-bytes and its end does not depend on how often anybody looked.
class Network {
 public:
  using Link = std::int32_t;
  using Flow = std::int32_t;

  // Precondition: bytes_per_second > 0.
  [[nodiscard]] Link add_link(std::int64_t bytes_per_second);
  // It flows from `from` on. `most`: bytes per second that it can use alone; 0 = no such limit. Preconditions: bytes >
  // 0, a link or a limit, and from >= now.
  Flow start(std::int64_t bytes, std::span<const Link> links, std::int64_t most, TimePoint now, TimePoint from);
  Flow start(std::int64_t bytes, std::span<const Link> links, std::int64_t most, TimePoint now) {
    return start(bytes, links, most, now, now);
  }
  // When the next flow ends, or rates are to be shared out again; kNever: there is none.
  [[nodiscard]] TimePoint next_change();
  // The flows that have ended by `now`, in the order in which they were started. Their numbers are used again.
  void take_ended(TimePoint now, std::vector<Flow>& ended);

  // It goes no further. Its number is used again.
  void stop(Flow flow, TimePoint now);

  [[nodiscard]] std::int64_t rate_of(Flow flow);
  [[nodiscard]] bool idle() const { return active_.empty(); }

 private:
  using NanoBytes = FineTotal;  // 128 bits
  struct State {
    NanoBytes left = 0;
    std::int64_t rate = 0;
    std::int64_t most = 0;
    TimePoint from{};  // it flows
    TimePoint end{};   // at this rate: it stays the same however often anybody looks
    std::vector<Link> links;
  };
  [[nodiscard]] State& state(Flow flow) { return flows_[static_cast<std::size_t>(flow)]; }
  void advance(TimePoint now);
  void share_out();
  [[nodiscard]] bool all_have_their_most();
  void hold_at(State& flow, std::int64_t rate);
  void leave_out_those_to_come();
  [[nodiscard]] std::int64_t whole_rate(const State& flow) const;
  [[nodiscard]] TimePoint end_of(const State& flow) const;

  std::vector<std::int64_t> bandwidths_;  // of the links
  std::vector<State> flows_;
  std::vector<Flow> spare_;
  std::vector<Flow> active_;                // in the order of their start
  std::vector<Flow> open_;                  // scratch: those whose rate is not settled
  std::vector<std::int64_t> left_, users_;  // scratch, by link
  TimePoint at_{};
  bool settled_ = true;
  TimePoint shares_at_ = kNever;  // a flow begins then that others must make room for
};

}  // namespace foretoken
