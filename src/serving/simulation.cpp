// The cluster: arrivals go through the router to replicas, departures go back to the source.
#include "foretoken/serving/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <variant>

#include "engine/run_loop.hpp"
#include "serving/ingress.hpp"
#include "serving/replica.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

struct Boundary {
  int replica;
};                  // running steps end, or an idle engine wakes
struct Arrival {};  // the source's next request
struct QueueTimeout {
  int replica;
};  // someone has waited too long
using Event = std::variant<Boundary, Arrival, QueueTimeout>;

// At one instant: what has ended frees its seats first, then those who come (a finish
// may send its successor at once), then those who give up; the schedule calls see it all.
enum EventPriority { kBoundaryFirst, kThenArrivals, kThenTimeouts };

// Beyond 2^62 ns (146 years) sums of times would overflow.
constexpr TimePoint kHorizon{Duration{std::int64_t{1} << 62}};

class Cluster final : public DepartureListener {
 public:
  Cluster(const SimulationConfig& config, RequestSource& source, const CostModel& cost, Observer& observer,
          const std::atomic<bool>* stop)
      : config_(config), source_(source), stop_(stop), router_(make_routing_policy(config.cluster)) {
    arrival_ = events_.add(Arrival{}, kThenArrivals);
    for (int i = 0; i < config.cluster.replicas; ++i) {
      replicas_.push_back(std::make_unique<Replica>(i, config, cost, observer, *this, source.prefixes()));
      boundaries_.push_back(events_.add(Boundary{i}, kBoundaryFirst));
      timeouts_.push_back(events_.add(QueueTimeout{i}, kThenTimeouts));
    }
    waiting_for_call_.assign(replicas_.size(), false);
  }

  SimulationOutcome run() {
    events_.schedule(arrival_, source_.next_arrival());
    if (run_events(events_, *this)) {
      invariant(in_system_ == 0, [&] {
        return fmt::format("{} requests are left at {} s and nothing will happen", in_system_,
                           to_seconds(outcome_.end));
      });
    } else {
      outcome_.unfinished = in_system_;
      outcome_.interrupted = outcome_.stop_reason.empty();
      for (const auto& replica : replicas_) replica->abandon(outcome_.end);
    }
    for (const auto& replica : replicas_) {
      for (const auto& rank : replica->ranks()) {
        outcome_.replicas.push_back(rank->totals());
        outcome_.replicas.back().kv_blocks_at_end = rank->state().used_blocks();
      }
    }
    return std::move(outcome_);
  }

  // ---- what run_events calls ----
  void operator()(const Boundary& event, TimePoint now) {
    Replica& replica = *replicas_[static_cast<std::size_t>(event.replica)];
    if (!replica.idle()) replica.end_steps(now);
    call_later(event.replica);
  }

  void operator()(const Arrival&, TimePoint now) {
    const Request request = source_.take();
    ++outcome_.arrived;
    ++in_system_;
    const int chosen = router_->choose(request);
    replicas_[static_cast<std::size_t>(chosen)]->arrive(request, now);
    outcome_.peak_in_system = std::max(outcome_.peak_in_system, in_system_);
    touched(chosen);
    events_.schedule(arrival_, source_.next_arrival());
  }

  void operator()(const QueueTimeout& event, TimePoint now) {
    replicas_[static_cast<std::size_t>(event.replica)]->expire(now);
    touched(event.replica);
  }

  void instant_over(TimePoint now) {
    outcome_.end = now;
    if (to_call_.size() > 1) std::sort(to_call_.begin(), to_call_.end());
    for (const int i : to_call_) {
      Replica& replica = *replicas_[static_cast<std::size_t>(i)];
      waiting_for_call_[static_cast<std::size_t>(i)] = false;
      replica.schedule(now);
      refresh(i);
    }
    to_call_.clear();
  }

  [[nodiscard]] bool stopped() {
    if (in_system_ > config_.max_requests_in_system) {
      outcome_.stop_reason =
          fmt::format("more than {} requests in the system at {:.3f} s: the load is far above capacity",
                      config_.max_requests_in_system, to_seconds(outcome_.end));
    } else if (events_.next_time() > kHorizon) {
      outcome_.stop_reason = "simulated time passed 146 years";
    }
    return !outcome_.stop_reason.empty() || (stop_ != nullptr && stop_->load(std::memory_order_relaxed));
  }

  // ---- what replicas call ----
  void departed(int rank, const Request& request, Outcome outcome, TimePoint now) override {
    --in_system_;
    switch (outcome) {
      case Outcome::finished:
        ++outcome_.finished;
        break;
      case Outcome::rejected:
        ++outcome_.rejected;
        break;
      case Outcome::timed_out:
        ++outcome_.timed_out;
        break;
      case Outcome::unfinished:
        break;
    }
    router_->left(rank / config_.engine.data_parallel_size);
    source_.completed(request, now);
    events_.schedule(arrival_, source_.next_arrival());
  }

  void step_too_long(int rank) override {
    if (!outcome_.stop_reason.empty()) return;
    outcome_.stop_reason = fmt::format(
        "a step of replica {} would take more than {:.0f} s: are the figures of the GPU, "
        "the model and `cost` right?",
        rank / config_.engine.data_parallel_size, to_seconds(kLongestStep));
  }

 private:
  void call_later(int replica) {
    if (waiting_for_call_[static_cast<std::size_t>(replica)]) return;
    waiting_for_call_[static_cast<std::size_t>(replica)] = true;
    to_call_.push_back(replica);
  }
  void touched(int replica) {
    if (replicas_[static_cast<std::size_t>(replica)]->idle()) call_later(replica);
    refresh(replica);
  }
  void refresh(int replica) {
    const auto i = static_cast<std::size_t>(replica);
    events_.schedule(boundaries_[i], replicas_[i]->next_boundary());
    events_.schedule(timeouts_[i], replicas_[i]->next_timeout());
  }

  const SimulationConfig& config_;
  RequestSource& source_;
  const std::atomic<bool>* stop_;
  std::unique_ptr<RoutingPolicy> router_;
  EventQueue<Event> events_;
  EventQueue<Event>::Handle arrival_ = 0;
  std::vector<EventQueue<Event>::Handle> boundaries_;
  std::vector<EventQueue<Event>::Handle> timeouts_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<bool> waiting_for_call_;
  std::vector<int> to_call_;  // replicas whose schedule call is due in this instant
  std::int64_t in_system_ = 0;
  SimulationOutcome outcome_;
};

}  // namespace

SimulationOutcome simulate(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                           Observer& observer, const std::atomic<bool>* stop) {
  if (config.engine.per_request <= Duration{}) return Cluster(config, source, cost, observer, stop).run();
  DelayedSource delayed(source, config.engine.per_request);
  DelayedObserver seen_by_client(observer, config.engine.per_request);
  return Cluster(config, delayed, cost, seen_by_client, stop).run();
}

}  // namespace foretoken
