// Images and sounds in pools of role encoder (src/serving/README.md, "Encoders apart"). Each item is a job of its own
// on one of their replicas; a request goes on when the embeddings of all that it brings are where prompts are computed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "serving/rank/step_clock.hpp"

namespace foretoken {

class EncoderStage {
 public:
  // Of all pools of role encoder; there is one. `media`: of the requests that come.
  EncoderStage(const PoolsConfig& config, const PromptMedia& media);

  // Its items go to encoders. False: it has none.
  [[nodiscard]] bool enter(const Request& request, TimePoint now);
  // What ends by `now`. go_on(request) of those that lack nothing any more.
  template <class GoOn>
  void due(TimePoint now, GoOn go_on) {
    end_steps(now);
    while (!transfers_.empty() && transfers_.front().at <= now) {
      const auto inside = inside_.find(take_transfer().request);
      if (inside == inside_.end() || --inside->second.left > 0) continue;  // or it was aborted
      const Request request = inside->second.request;
      inside_.erase(inside);
      go_on(request);
    }
  }
  // Nobody waits for the request of this index any more. Empty: it is not here. What of its items runs or is on the way
  // goes on for nobody; what waits for it alone is not encoded (the proxy's connections to the encoders close).
  [[nodiscard]] std::optional<Request> abort(std::int64_t request);
  // Who is idle begins, when all that comes at an instant is known.
  void begin_steps(TimePoint now);
  [[nodiscard]] TimePoint next() const;

  // Requests whose items are not all there, in the order of their numbers.
  [[nodiscard]] std::vector<Request> inside() const;
  // Of the replicas of the pool at `pool` of the configuration, in their order.
  [[nodiscard]] std::vector<ReplicaTotals> totals(std::size_t pool) const;

 private:
  struct Job {
    std::int64_t content = 0;
    EncodedItem shape;
    std::vector<std::int64_t> requests;  // that wait for it
  };
  // Embeddings that a replica has computed and not overwritten: contents, in the order of their last use.
  struct Kept {
    std::int32_t tokens = 0;
    std::uint64_t used = 0;
  };
  struct Replica {
    std::size_t pool = 0;
    std::deque<Job> queue;
    std::vector<Job> running;
    TimePoint end = kNever;
    StepClock clock;
    FineDuration elapsed;
    std::unordered_map<std::int64_t, Kept> kept;
    std::map<std::uint64_t, std::int64_t> order;  // contents, the one unused for longest first
    std::int64_t kept_tokens = 0;
    TimePoint link_free{};         // when what it sends now has gone
    std::int64_t outstanding = 0;  // items that it was given and has not computed
    ReplicaTotals totals;
  };
  struct Transfer {
    TimePoint at{};
    std::int64_t number = 0;
    std::int64_t request = 0;
  };
  struct Inside {
    Request request;
    std::int64_t left = 0;  // items
  };
  static bool later(const Transfer& a, const Transfer& b) { return a.at != b.at ? a.at > b.at : a.number > b.number; }

  [[nodiscard]] const PoolConfig& pool_of(const Replica& r) const { return config_.pools[r.pool]; }
  [[nodiscard]] Replica& choose();
  [[nodiscard]] Job* find_job(Replica& r, std::int64_t content);
  void end_steps(TimePoint now);
  void begin_step(Replica& r, TimePoint now);
  void keep(Replica& r, std::int64_t content, std::int32_t tokens);
  void use(Replica& r, std::int64_t content, Kept& kept);
  void send(Replica& r, std::int64_t request, std::int32_t tokens, TimePoint now);
  Transfer take_transfer();

  const PoolsConfig& config_;
  const PromptMedia& media_;
  bool fewest_ = false;  // an item goes to the replica with the fewest, else to each in turn
  std::size_t turn_ = 0;
  std::vector<Replica> replicas_;
  std::unordered_map<std::int64_t, Inside> inside_;  // by request; sorted where all are visited
  std::vector<Transfer> transfers_;                  // a heap, the earliest first
  std::int64_t sent_ = 0;
  std::uint64_t uses_ = 0;
  std::vector<MediaItem> items_;     // scratch
  std::vector<EncodedItem> shapes_;  // scratch
};

}  // namespace foretoken
