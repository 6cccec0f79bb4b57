// Requests on their way from a pool of role prefill to one of role decode, and their KV caches on the links between.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "serving/rank/departures.hpp"
#include "serving/requests/request_map.hpp"
#include "serving/transfers/network.hpp"

namespace foretoken {

// What it asks of the cluster. Ranks are numbered through all pools.
class HandOverPort {
 public:
  virtual ~HandOverPort() = default;
  // The request goes to the decode replica that is chosen for it (or to the one that was), and waits there for blocks.
  virtual void reach_decode(const HandOver& what, TimePoint now) = 0;
  // Its blocks are taken where it will decode: its prompt may be computed now.
  virtual void begin_prefill(const Request& request, Duration waited_for_blocks, TimePoint now) = 0;
  // What came along belongs to a request that waits there already.
  virtual void take_over(int rank, RequestId id, const HandOver& what, TimePoint now) = 0;
  virtual void loaded(int rank, RequestId id, TimePoint now) = 0;
  virtual void lost(int rank, RequestId id, TimePoint now) = 0;
  virtual void release(int rank, RequestId pinned, TimePoint now) = 0;
  // One of the KV caches that the running step of `rank` sends or fetches has got there.
  virtual void within_step(int rank, TimePoint now) = 0;
};

class HandOvers {
 public:
  HandOvers(const PoolsConfig& config, HandOverPort& port, Transport* transport);

  // Of the pool at `pool`, in the order of the configuration.
  void add_replica(std::size_t pool, int ranks);

  // ---- what happens to requests ----
  // A prompt is computed, and the request goes on elsewhere.
  void handed_over(const HandOver& what, TimePoint now);
  // Blocks are taken for it on `rank`; so many are to be filled.
  void load_begins(int rank, RequestId id, const Request& request, std::int64_t blocks, Duration waited, TimePoint now);
  // A chunk of its prompt is computed: `tokens` of it are there.
  void computed(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint now);
  // ... is being computed: its first layers are there from `from` on (HandOverRules::by_layer).
  void computes(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint from, TimePoint now);
  // Its KV cache goes to `to` within the step that completes its prompt, in one or two parts (HandOverRules::Send).
  void send_within_step(int rank, int to, const Request& request, LayersSent layers, TimePoint from, TimePoint now);
  // Within a step of `rank` it is fetched from where it was computed; again, if it was preempted.
  void fetch_within_step(int rank, const Request& request, TimePoint now);
  // It left the system. What it held elsewhere goes.
  struct Left {
    int rank = -1;  // where it had a place, or -1
    RequestId id = kNoRequest;
  };
  Left gone(const Request& request, TimePoint now);
  // Its client has left while nobody has it; empty: somebody has. Where its prompt was computed nobody is told, and its
  // blocks are kept until pin_timeout, if there is one (vLLM, pull request 19223).
  [[nodiscard]] std::optional<HandOver> strand(std::int64_t request, TimePoint now);
  // Nobody will come for whom that matters.
  void let_stranded_go(TimePoint now);
  // A replica has died whose ranks are these: what was kept there for others is lost, sent in part or not at all.
  void source_died(int first_rank, int ranks, TimePoint now);

  // ---- time ----
  // Whether anything has happened since next_time() was asked, which may then have changed.
  [[nodiscard]] bool changed() const { return changed_; }
  [[nodiscard]] TimePoint next_time();
  void due(TimePoint now);

  [[nodiscard]] const TransferTotals& totals() const { return totals_; }
  // Those that are between two ranks.
  template <class Function>
  void for_each_on_the_way(Function function) {
    for (const Timer& timer : timers_) {
      const Way* const way = timer.parked >= 0 ? ways_.find(timer.request) : nullptr;
      if (way != nullptr && !way->stranded) function(parked_[static_cast<std::size_t>(timer.parked)]);
    }
  }

 private:
  struct Part {
    std::int64_t bytes = 0;
    LayersSent layers = LayersSent::all;
    TimePoint from{};  // it is there
  };
  struct Way {
    int from = -1;
    RequestId pinned = kNoRequest;  // on `from`; kNoRequest: nothing is held there
    int to = -1;
    RequestId id = kNoRequest;
    std::int64_t blocks = 0;  // computed or sent so far, of those where it goes
    std::int64_t found = 0;   // of its first blocks, those that need not come
    // To be sent one after the other; most have one.
    Part first_part;
    std::vector<Part> more_parts;
    std::size_t parts = 0, sent = 0;
    void add_part(const Part& part) {
      if (parts++ == 0)
        first_part = part;
      else
        more_parts.push_back(part);
    }
    [[nodiscard]] const Part& next_part() const { return sent == 0 ? first_part : more_parts[sent - 1]; }
    [[nodiscard]] bool has_more() const { return sent < parts; }
    bool sending = false;
    Network::Flow flow = -1;                            // that sends; -1: none, or a way that is no link's
    bool all_known = false;                             // no more parts will come
    bool sender_waits = false, receiver_waits = false;  // within a step
    bool expired = false;                               // what was pinned is gone
    bool stranded = false;                              // nobody will ask for what is pinned
    bool waits_for_prefill = false;
  };
  // It reaches its decode pool, or a part of it that is nothing on a link is there.
  struct Timer {
    TimePoint at{};
    std::int64_t order = 0;
    std::int64_t request = 0;
    std::int32_t parked = -1;  // place of what reaches the decode pool
  };
  struct Pin {
    TimePoint until{};
    std::int64_t request = 0;
  };
  struct Replica {
    Network::Link out = -1, in = -1;
    std::size_t pool = 0;
  };
  static bool later(const Timer& a, const Timer& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }

  void at(TimePoint time, std::int64_t request, std::int32_t parked = -1);
  [[nodiscard]] std::int32_t park(const HandOver& what);
  void ring(const Timer& timer, TimePoint now);
  void expire(std::int64_t request, TimePoint now);
  [[nodiscard]] std::vector<std::int64_t> stranded() const;
  void break_off(Way& way, TimePoint now);
  void forget_pins();
  void send_next(std::int64_t request, Way& way, TimePoint now);
  void go_on(const HandOver& what, TimePoint now);
  [[nodiscard]] std::int64_t bytes_of(const Request& request, const PoolConfig& to) const;
  void send_chunk(int rank, const Request& request, std::int64_t tokens, bool last, const Part& part, TimePoint now);
  void part_arrived(std::int64_t request, TimePoint now);
  void end(std::int64_t request, Way& on_record, TimePoint now);
  [[nodiscard]] bool fails(std::int64_t request) const;
  [[nodiscard]] const PoolConfig& pool_of(int rank) const;
  [[nodiscard]] const Replica& replica_of(int rank) const;

  const PoolsConfig& config_;
  const HandOverRules& rules_;
  HandOverPort& port_;
  Transport* transport_;
  Network network_;
  Network::Link core_ = -1;
  std::vector<Replica> replicas_;
  std::vector<std::size_t> replica_of_rank_;
  RequestMap<Way> ways_;
  std::vector<std::int64_t> request_of_flow_;
  std::vector<Timer> timers_;  // a heap, the earliest first
  std::deque<Pin> pins_;       // all are kept equally long, so they end in the order in which they began
  std::vector<HandOver> parked_;
  std::vector<std::int32_t> free_places_;
  std::vector<Network::Flow> ended_;
  std::vector<std::int64_t> ended_requests_;
  std::int64_t order_ = 0;
  bool changed_ = true;
  bool some_are_gone_ = false;  // whose timers may still stand
  bool some_are_stranded_ = false;
  TransferTotals totals_;
};

}  // namespace foretoken
