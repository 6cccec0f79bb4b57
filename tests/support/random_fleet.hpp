// Random runs whose replicas come and go and whose clients give up and try again.
#pragma once

#include "support/random_run.hpp"

namespace foretoken::test {

inline Duration up_to(RandomStream& random, std::int64_t ns) {
  return Duration{random.uniform_int(0, ns)};
}

inline void choose_clients(std::uint64_t seed, ClientConfig& clients) {
  RandomStream random(seed, "random_clients");
  const auto one_in = [&](std::int64_t n) { return random.uniform_int(1, n) == 1; };
  if (one_in(4)) return;
  clients.on = true;
  clients.seed = seed;
  clients.timeout = one_in(5) ? Duration{} : Duration{1} + up_to(random, 300'000'000);
  if (one_in(3)) clients.total_timeout = clients.timeout + up_to(random, 500'000'000);
  clients.until_first_token = one_in(3);
  clients.aborts = !one_in(3);
  clients.retries = random.uniform_int(0, 3);
  clients.backoff = one_in(3) ? Duration{} : up_to(random, 50'000'000);
  clients.backoff_factor = one_in(2) ? 1.5 : 2;
  clients.most_backoff = up_to(random, 200'000'000);
  clients.less_one = one_in(3);
  clients.jitter = static_cast<Jitter>(random.uniform_int(0, 3));
  clients.after_timeout = !one_in(4);
  clients.after_rejection = !one_in(4);
  if (one_in(3)) clients.budget_per_request = 0.2;
  clients.most_budget = 2;
  clients.migrations = random.uniform_int(0, 2);
}

inline void choose_fleet(std::uint64_t seed, ClusterConfig& cluster) {
  RandomStream random(seed, "random_fleet");
  const auto one_in = [&](std::int64_t n) { return random.uniform_int(1, n) == 1; };
  if (one_in(4)) return;
  FleetConfig& fleet = cluster.fleet;
  fleet.on = true;
  cluster.replicas = static_cast<int>(random.uniform_int(1, 5));
  fleet.at_start = static_cast<int>(random.uniform_int(0, cluster.replicas));
  if (!one_in(4))
    fleet.cold_start = {up_to(random, 60'000'000), up_to(random, 30'000'000), up_to(random, 30'000'000),
                        up_to(random, 60'000'000), one_in(2) ? 0.3 : 0};
  Duration at{};
  for (std::int64_t i = random.uniform_int(1, 6); i > 0; --i) {
    fleet.schedule.push_back({at, static_cast<int>(random.uniform_int(0, cluster.replicas))});
    at += Duration{1} + up_to(random, 300'000'000);
  }
  if (one_in(2)) fleet.period = at;
  FailureConfig& failures = fleet.failures;
  if (one_in(2)) failures.mtbf = Duration{1} + up_to(random, 2'000'000'000);
  for (Duration when{}; one_in(2);) {
    when += up_to(random, 300'000'000);
    failures.planned.push_back({when, static_cast<int>(random.uniform_int(0, cluster.replicas - 1))});
  }
  failures.repair = one_in(3) ? Duration{} : up_to(random, 100'000'000);
  failures.detection = one_in(2) ? Duration{} : up_to(random, 50'000'000);
  fleet.held_requests = one_in(3) ? random.uniform_int(0, 4) : 1000;
  fleet.held_for = Duration{1} + up_to(random, 400'000'000);
}

// In a third of the fleets, instead of the schedule; times as short as those of the loads.
inline void choose_autoscaler(std::uint64_t seed, ClusterConfig& cluster) {
  FleetConfig& fleet = cluster.fleet;
  RandomStream random(seed, "random_autoscaler");
  const auto one_in = [&](std::int64_t n) { return random.uniform_int(1, n) == 1; };
  if (!fleet.on || !one_in(3)) return;
  fleet.schedule.clear();
  fleet.period = {};
  AutoscalerConfig& a = fleet.autoscaler;
  a.policy = static_cast<AutoscalerPolicy>(random.uniform_int(1, kAutoscalerPolicies - 1));
  const bool hpa = a.policy == AutoscalerPolicy::hpa;
  const bool to_zero = a.policy == AutoscalerPolicy::keda || a.policy == AutoscalerPolicy::ray ||
                       a.policy == AutoscalerPolicy::knative || a.policy == AutoscalerPolicy::kubeai;
  a.metric = static_cast<ScaleMetric>(random.uniform_int(0, kScaleMetrics - 1));
  a.per_replica = hpa && a.metric != ScaleMetric::request_rate && one_in(2);
  if (a.policy == AutoscalerPolicy::dynamo) a.metric = ScaleMetric::request_rate;
  a.target = a.metric == ScaleMetric::kv_usage ? 0.2 : a.metric == ScaleMetric::request_rate ? 20 : 2;
  a.most = cluster.replicas;
  a.least = to_zero && one_in(2) ? 0 : 1;
  a.interval = Duration{1'000'000} + up_to(random, 30'000'000);
  a.age = one_in(2) ? Duration{} : up_to(random, 50'000'000);
  a.window = one_in(2) && !a.per_replica ? a.interval + up_to(random, 100'000'000) : Duration{};
  if (a.policy == AutoscalerPolicy::knative || a.policy == AutoscalerPolicy::aibrix_kpa) {
    a.window = a.interval + up_to(random, 100'000'000);
    a.panic_window = a.window / 4 + Duration{1};
  }
  a.stabilization = up_to(random, 100'000'000);
  a.behaves = one_in(2);
  a.up = {up_to(random, 50'000'000), {{one_in(2), 50, up_to(random, 50'000'000) + Duration{1}}}, one_in(2), one_in(9)};
  a.down = {up_to(random, 50'000'000), {{false, 1, up_to(random, 50'000'000) + Duration{1}}}, one_in(2), one_in(9)};
  a.polling = Duration{1'000'000} + up_to(random, 50'000'000);
  a.cooldown = up_to(random, 100'000'000);
  a.up_delay = up_to(random, 50'000'000);
  a.down_delay = up_to(random, 100'000'000);
  a.up_factor = one_in(2) ? 0.6 : 1;
  a.up_rate = one_in(2) ? 2 : 1000;
  a.down_rate = 2;
  a.zero_grace = up_to(random, 50'000'000);
  a.aim = one_in(2) ? PlannerAim::latency : PlannerAim::throughput;
  a.replica_rate = one_in(2) ? 30 : 0;
}

// Replicas that were added have their shares of the requests later, in half of the fleets.
inline void choose_slow_start(std::uint64_t seed, RoutingConfig& routing) {
  RandomStream random(seed, "random_slow_start");
  if (random.uniform_int(0, 1) == 0) return;
  routing.slow_start = Duration{1} + up_to(random, 300'000'000);
  routing.slow_start_min_weight = random.uniform_int(0, 2) == 0 ? 0 : 0.1;
  routing.slow_start_aggression = random.uniform_int(0, 1) == 0 ? 1 : 2;
}

// Some die together: those of a node by chance, or so many at a given time.
inline void choose_domains(std::uint64_t seed, FailureConfig& failures) {
  RandomStream random(seed, "random_domains");
  if (random.uniform_int(0, 3) == 0) {
    failures.domain = static_cast<int>(random.uniform_int(1, 3));
    failures.domain_mtbf = Duration{1} + up_to(random, 2'000'000'000);
  }
  for (PlannedFailure& f : failures.planned) f.count = static_cast<int>(random.uniform_int(1, 2));
}

// Two classes share the engines fairly, in a quarter of the runs that could.
inline void choose_fair_shares(std::uint64_t seed, RandomRun& run) {
  RandomStream random(seed, "random_fair_shares");
  if (run.loop || random.uniform_int(0, 3) > 0) return;
  EngineConfig& engine = run.config.engine;
  engine.scheduling_policy = "vtc";
  engine.fair_shares = {1, 2, 0.5};
  for (Request& r : run.requests) r.class_index = static_cast<std::int16_t>(random.uniform_int(0, 2));
}

// Several answers to a request, in a fifth of the runs. Whose tokens go along to another attempt is known of one.
inline void choose_answers(std::uint64_t seed, RandomRun& run) {
  RandomStream random(seed, "random_fleet_answers");
  const std::string& engine = run.config.engine.name;
  if (random.uniform_int(0, 4) > 0 || engine == "vllm-v0" || engine == "tensorrt-llm") return;
  run.config.clients.migrations = 0;
  run.config.answers.best_of = static_cast<int>(random.uniform_int(2, 4));
  run.config.answers.n = static_cast<int>(random.uniform_int(1, run.config.answers.best_of));
  if (random.uniform_int(0, 3) == 0) run.config.answers = {1, 1, 2};
}

inline RandomRun random_fleet(std::uint64_t seed) {
  RandomRun run = random_run(seed);
  choose_fleet(seed, run.config.cluster);
  choose_autoscaler(seed, run.config.cluster);
  if (run.config.cluster.fleet.on) choose_domains(seed, run.config.cluster.fleet.failures);
  choose_slow_start(seed, run.config.cluster.routing);
  choose_fair_shares(seed, run);
  choose_clients(seed, run.config.clients);
  choose_answers(seed, run);
  return run;
}

}  // namespace foretoken::test
