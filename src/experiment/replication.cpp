// From a scenario and a seed to measures.
#include "experiment/replication.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "experiment/cost_models.hpp"
#include "experiment/independent_replicas.hpp"
#include "foretoken/cost/cost_model.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kProgressEvery = 4096;  // requests

// Arrivals that go on until the measured requests have left, or until so many more have come that they never will: a
// request whose priority is low may wait for ever.
class EndlessSource final : public RequestSource {
 public:
  EndlessSource(RequestSource& inner, const EndlessRun& run, MetricsCollector& collector)
      : inner_(inner), run_(run), collector_(collector), end_(run.warmup + run.measured) {}

  [[nodiscard]] TimePoint next_arrival() const override {
    return taken_ >= kMost * end_ ? kNever : inner_.next_arrival();
  }
  Request take() override {
    const Request request = inner_.take();
    if (request.index == run_.warmup) collector_.open_window(request.arrival);
    if (request.index == end_) collector_.close_window(request.arrival);
    if (run_.on_arrival) run_.on_arrival(request.index, taken_ - left_);
    ++taken_;
    return request;
  }
  void completed(const Request& request, TimePoint now) override {
    ++left_;
    inner_.completed(request, now);
  }
  [[nodiscard]] const PrefixTable* prefixes() const override { return inner_.prefixes(); }
  [[nodiscard]] const PromptMedia* media() const override { return inner_.media(); }
  [[nodiscard]] Diagnostics problems() override { return inner_.problems(); }

  static constexpr std::int64_t kMost = 4;

 private:
  RequestSource& inner_;
  const EndlessRun& run_;
  MetricsCollector& collector_;
  std::int64_t end_;
  std::int64_t taken_ = 0;
  std::int64_t left_ = 0;
};

// Counts and copies what the collector sees.
class StudyObserver final : public Observer {
 public:
  StudyObserver(MetricsCollector& collector, const ReplicationOptions& options)
      : collector_(collector), options_(options) {}

  void on_request(const RequestRecord& record) override {
    collector_.on_request(record);
    if (options_.on_request) options_.on_request(record);
    for (Observer* w : options_.watchers) w->on_request(record);
    if (options_.endless) count_measured(record);
    if (options_.report && collector_.requests_seen() % kProgressEvery == 0) options_.report(kProgressEvery);
  }
  void on_steps(const StepSpan& span) override {
    collector_.on_steps(span);
    if (options_.on_steps) options_.on_steps(span);
    for (Observer* w : options_.watchers) w->on_steps(span);
  }
  void on_answer(const RequestRecord& answer) override { collector_.on_answer(answer); }
  void on_gap(Duration gap, std::int64_t rows) override {
    collector_.on_gap(gap, rows);
    for (Observer* w : options_.watchers) w->on_gap(gap, rows);
  }
  [[nodiscard]] bool wants_lifecycle() const override {
    return std::any_of(options_.watchers.begin(), options_.watchers.end(),
                       [](const Observer* w) { return w->wants_lifecycle(); });
  }
  void on_lifecycle(const LifecycleEvent& event) override {
    for (Observer* w : options_.watchers) {
      if (w->wants_lifecycle()) w->on_lifecycle(event);
    }
  }

  // What the simulation watches: the user's wish to stop or, in an endless run, the last measured request.
  [[nodiscard]] const std::atomic<bool>* stop() const { return options_.endless ? &stop_ : options_.stop; }
  [[nodiscard]] bool all_measured() const { return options_.endless && measured_ == options_.endless->measured; }

 private:
  void count_measured(const RequestRecord& record) {
    const EndlessRun& run = *options_.endless;
    if (record.request.index >= run.warmup && record.request.index < run.warmup + run.measured) ++measured_;
    if (all_measured() || (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed))) stop_ = true;
  }
  std::atomic<bool> stop_ = false;
  std::int64_t measured_ = 0;
  MetricsCollector& collector_;
  const ReplicationOptions& options_;
};

// The same stream without its end.
WorkloadConfig endless_workload(const WorkloadConfig& workload, const EndlessRun& run) {
  WorkloadConfig endless = workload;
  endless.num_prompts = EndlessSource::kMost * (run.warmup + run.measured);
  endless.duration.reset();
  if (auto* renewal = std::get_if<RenewalArrivals>(&endless.arrivals)) renewal->vllm_rescale = false;
  return endless;
}

}  // namespace

PoolsConfig pools_config(const Scenario& s, std::uint64_t seed) {
  PoolsConfig config;
  config.hand_over = s.hand_over.rules;
  config.hand_over.seed = seed;
  config.clients = s.workload.client;
  config.clients.seed = seed;
  config.answers = s.workload.answers;
  const std::vector<std::string> models = served_models(s.pools);
  const auto number_of = [&](const std::string& model) {
    return static_cast<int>(std::find(models.begin(), models.end(), model) - models.begin());
  };
  for (const PoolPlan& pool : s.pools)
    config.pools.push_back({pool.role, s.hand_over.first_token, pool.engine, pool.cluster, nullptr, pool.link_bandwidth,
                            pool.kv_block_bytes, pool.flow_bandwidth, number_of(pool.served_model_name), pool.weight,
                            pool.embedding_bytes, pool.embedding_setup, pool.kv_layers, pool.kv_state_bytes});
  if (models.size() > 1) {
    for (const RequestClass& c : s.workload.classes) config.model_of_class.push_back(number_of(c.model));
  }
  if (!config.pools.empty()) config.pools.front().cluster.admission = s.cluster.admission;  // of the whole
  const auto with_front_end = std::find_if(config.pools.begin(), config.pools.end(),
                                           [](const PoolConfig& p) { return p.role != PoolRole::encoder; });
  if (with_front_end != config.pools.end()) with_front_end->engine.per_request = s.engine.per_request;
  return config;
}

namespace {

// Twice as many shards as threads: one thread also tells what happened before. Each prices its steps itself.
SimulationOutcome simulate_shards(const Scenario& s, const DeploymentRun& run, const SimulationConfig& config,
                                  RequestSource& source, Observer& observer) {
  std::vector<std::unique_ptr<BorrowedCostModel>> borrowed;
  std::vector<const CostModel*> costs;
  for (int shard = 0; shard < std::min(config.cluster.replicas, 2 * run.threads); ++shard) {
    borrowed.push_back(std::make_unique<BorrowedCostModel>(run.cost_models, s.deployment));
    costs.push_back(&**borrowed.back());
  }
  return simulate_independent({config, costs, run.threads, run.stop}, source, observer);
}

}  // namespace

SimulationOutcome simulate_deployment(const Scenario& s, const DeploymentRun& run, RequestSource& source,
                                      Observer& observer) {
  if (s.pools.empty()) {
    const BorrowedCostModel cost(run.cost_models, s.deployment);
    SimulationConfig config;
    config.engine = s.engine;
    config.cluster = s.cluster;
    config.cluster.routing.seed = run.seed;
    config.clients = s.workload.client;
    config.clients.seed = run.seed;
    config.answers = s.workload.answers;
    config.engine.speculation.seed = run.seed;
    config.step_by_step = run.step_by_step;
    if (run.threads > 1 && are_independent(config, source, observer, run.requests))
      return simulate_shards(s, run, config, source, observer);
    return simulate(config, source, *cost, observer, run.stop);
  }
  std::vector<std::unique_ptr<BorrowedCostModel>> costs;
  for (const PoolPlan& pool : s.pools)
    costs.push_back(std::make_unique<BorrowedCostModel>(run.cost_models, pool.deployment));
  PoolsConfig config = pools_config(s, run.seed);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    config.pools[i].cost = &**costs[i];
    config.pools[i].engine.speculation.seed = run.seed;
  }
  config.step_by_step = run.step_by_step;
  return simulate(config, source, observer, run.stop);
}

Result<ReplicationResult> simulate_replication(const Scenario& scenario, int index, const ReplicationOptions& options) {
  ReplicationResult replication;
  replication.index = index;
  replication.seed = replication_seed(scenario.seed, static_cast<std::uint64_t>(index));
  const std::optional<EndlessRun>& endless = options.endless;
  auto source = endless ? make_request_source(endless_workload(scenario.workload, *endless), replication.seed)
                        : make_request_source(scenario.workload, replication.seed);
  if (!source) return source.error();
  CollectorConfig measuring = collector_config(scenario.workload, scenario.warmup_fraction, options.requests);
  if (endless) measuring.window.indices = {endless->warmup, endless->warmup + endless->measured};
  MetricsCollector collector(std::move(measuring));
  StudyObserver observer(collector, options);
  DeploymentRun run{replication.seed, options.cost_models, observer.stop(), options.step_by_step};
  if (endless) {
    EndlessSource arrivals(**source, *endless, collector);
    replication.outcome = simulate_deployment(scenario, run, arrivals, observer);
    if (observer.all_measured()) replication.outcome.interrupted = false;
  } else {
    run.threads = options.threads;
    run.requests = options.requests;
    replication.outcome = simulate_deployment(scenario, run, **source, observer);
    // Where it stopped, the other threads were further on than one thread would have been.
    if (run.threads > 1 && !replication.outcome.stop_reason.empty()) {
      ReplicationOptions alone = options;
      alone.threads = 1;
      if (options.begin_again) options.begin_again();
      return simulate_replication(scenario, index, alone);
    }
  }
  if (Diagnostics broken = (*source)->problems(); broken.has_errors()) return broken;
  replication.measures = collector.take(replication.outcome);
  return replication;
}

}  // namespace foretoken
