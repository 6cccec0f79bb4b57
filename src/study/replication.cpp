// From a scenario and a seed to measures.
#include "study/replication.hpp"

#include "foretoken/base/random.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "study/cost_models.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kProgressEvery = 4096;  // requests

// Counts and copies what the collector sees.
class StudyObserver final : public Observer {
 public:
  StudyObserver(MetricsCollector& collector, const ReplicationOptions& options)
      : collector_(collector), options_(options) {}

  void on_request(const RequestRecord& record) override {
    collector_.on_request(record);
    if (options_.on_request) options_.on_request(record);
    if (options_.report && collector_.requests_seen() % kProgressEvery == 0) options_.report(kProgressEvery);
  }
  void on_steps(const StepSpan& span) override {
    collector_.on_steps(span);
    if (options_.on_steps) options_.on_steps(span);
  }
  void on_gap(Duration gap, std::int64_t rows) override { collector_.on_gap(gap, rows); }

 private:
  MetricsCollector& collector_;
  const ReplicationOptions& options_;
};

}  // namespace

Result<ReplicationResult> simulate_replication(const Scenario& scenario, int index, const ReplicationOptions& options) {
  ReplicationResult replication;
  replication.index = index;
  replication.seed = replication_seed(scenario.seed, static_cast<std::uint64_t>(index));
  auto source = make_request_source(scenario.workload, replication.seed);
  if (!source) return source.error();
  CollectorConfig measuring = collector_config(scenario.workload, scenario.warmup_fraction, options.requests);
  if (options.window) measuring.window = *options.window;
  MetricsCollector collector(std::move(measuring));
  StudyObserver observer(collector, options);
  CostModelPool* pool = options.cost_models;
  std::unique_ptr<CostModel> cost =
      pool != nullptr ? pool->take(scenario.deployment) : make_cost_model(scenario.deployment);
  SimulationConfig config;
  config.engine = scenario.engine;
  config.cluster = scenario.cluster;
  config.step_by_step = options.step_by_step;
  replication.outcome = simulate(config, **source, *cost, observer, options.stop);
  if (pool != nullptr) pool->give_back(scenario.deployment, std::move(cost));
  if (Diagnostics broken = (*source)->problems(); broken.has_errors()) return broken;
  replication.measures = collector.take(replication.outcome);
  return replication;
}

}  // namespace foretoken
