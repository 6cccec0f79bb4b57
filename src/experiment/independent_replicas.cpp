// The replicas are dealt out to shards, each a cluster of its own. Time goes in windows: while shards simulate one,
// what happened in the one before is told in the order in which one thread would have come to it.
#include "experiment/independent_replicas.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "experiment/parallel.hpp"
#include "experiment/told_later.hpp"
#include "serving/cluster/cluster.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kWorthIt = 20'000;  // requests; every shard prices its steps itself

// The requests of a shard's replicas, as far as they have been dealt.
class Share final : public RequestSource {
 public:
  explicit Share(const PromptContents& prompts) : prompts_(prompts) {}
  void deal(const Request& request) { dealt_.push_back(request); }
  [[nodiscard]] TimePoint next_arrival() const override { return dealt_.empty() ? kNever : dealt_.front().arrival; }
  Request take() override {
    const Request request = dealt_.front();
    dealt_.pop_front();
    return request;
  }
  void completed(const Request&, TimePoint) override {}
  [[nodiscard]] const PrefixTable* prefixes() const override { return prompts_.prefixes; }
  [[nodiscard]] const PromptMedia* media() const override { return prompts_.media; }

 private:
  std::deque<Request> dealt_;
  PromptContents prompts_;
};

class Shard {
 public:
  Shard(const IndependentRun& run, const RequestSource& source, const CostModel& cost, int first, int replicas)
      : share_({source.prefixes(), source.media()}),
        told_(first * run.config.engine.data_parallel_size, run.config.engine) {
    static_cast<SimulationOptions&>(pools_) = run.config;
    pools_.pools.push_back({PoolRole::both, FirstToken::where_prefilled, run.config.engine, run.config.cluster, &cost});
    pools_.pools.front().cluster.replicas = replicas;
    cluster_ = start_cluster(pools_, share_, told_, run.stop);
  }
  void deal(const Request& request) { share_.deal(request); }
  void advance(TimePoint until) { goes_on_ = goes_on_ && cluster_->advance(until); }
  [[nodiscard]] bool goes_on() const { return goes_on_; }
  [[nodiscard]] SimulationOutcome finish() { return cluster_->finish(); }
  void take(TellLater::Window& window) { told_.take(window); }

 private:
  PoolsConfig pools_;
  Share share_;
  TellLater told_;
  std::unique_ptr<ClusterRun> cluster_;
  bool goes_on_ = true;
};

class Independent {
 public:
  Independent(const IndependentRun& run, RequestSource& source, Observer& observer)
      : run_(run), source_(source), tell_(observer), crew_(run.threads) {
    const int replicas = run.config.cluster.replicas, shards = static_cast<int>(run.costs.size());
    for (int s = 0; s < shards; ++s) {
      const int first = s * replicas / shards, end = (s + 1) * replicas / shards;
      shards_.push_back(
          std::make_unique<Shard>(run, source, *run.costs[static_cast<std::size_t>(s)], first, end - first));
      for (int replica = first; replica < end; ++replica) shard_of_.push_back(shards_.back().get());
    }
    before_.resize(shards_.size());
  }

  SimulationOutcome simulate() {
    for (TimePoint until{}; until != kNever && goes_on();) {
      until = deal();
      crew_.each(shards_.size() + 1,
                 [&](std::size_t i) { i == 0 ? tell_.all_of(before_) : shards_[i - 1]->advance(until); });
      take_windows();
    }
    SimulationOutcome sum = outcome();
    tell_.all_of(before_);
    take_windows();  // of those who had not left
    tell_.all_of(before_);
    sum.peak_in_system = tell_.peak_in_system(sum.end);
    return sum;
  }

 private:
  // The requests of the next window, which ends when the first of those after it comes.
  TimePoint deal() {
    const std::int64_t most = run_.window * static_cast<std::int64_t>(shards_.size());
    for (std::int64_t i = 0; i < most && source_.next_arrival() != kNever; ++i) {
      const Request request = source_.take();
      tell_.will_arrive(request);
      shard_of_[next_]->deal(request);
      next_ = next_ + 1 == shard_of_.size() ? 0 : next_ + 1;
    }
    return source_.next_arrival();
  }
  [[nodiscard]] bool goes_on() const {
    return std::all_of(shards_.begin(), shards_.end(), [](const auto& shard) { return shard->goes_on(); });
  }
  void take_windows() {
    for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i]->take(before_[i]);
  }
  SimulationOutcome outcome() {
    SimulationOutcome sum;
    for (const auto& shard : shards_) {
      SimulationOutcome one = shard->finish();
      sum.replicas.insert(sum.replicas.end(), one.replicas.begin(), one.replicas.end());
      sum.end = std::max(sum.end, one.end);
      sum.arrived += one.arrived;
      sum.finished += one.finished;
      sum.rejected += one.rejected;
      sum.timed_out += one.timed_out;
      sum.unfinished += one.unfinished;
      sum.interrupted = sum.interrupted || one.interrupted;
      if (sum.stop_reason.empty()) sum.stop_reason = std::move(one.stop_reason);
    }
    sum.pool_ends.push_back(sum.replicas.size());
    return sum;
  }

  const IndependentRun& run_;
  RequestSource& source_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Shard*> shard_of_;  // by replica
  std::size_t next_ = 0;          // replica of the next request (router: round_robin)
  std::vector<TellLater::Window> before_;
  TellInOrder tell_;
  Crew crew_;
};

}  // namespace

bool are_independent(const SimulationConfig& config, const RequestSource& source, const Observer& observer,
                     std::optional<std::int64_t> requests) {
  const bool stays = !config.cluster.fleet.on && !config.engine.kv_offload.shares_store() &&
                     !config.cluster.admission.on && !config.clients.on && !config.answers.on();
  return stays && config.cluster.replicas > 1 && config.cluster.router == "round_robin" && source.is_open() &&
         !config.step_by_step && !config.every_step && !observer.wants_lifecycle() && requests &&
         *requests >= kWorthIt && *requests <= config.max_requests_in_system;
}

SimulationOutcome simulate_independent(const IndependentRun& run, RequestSource& source, Observer& observer) {
  return Independent(run, source, observer).simulate();
}

}  // namespace foretoken
