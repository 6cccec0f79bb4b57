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

inline RandomRun random_fleet(std::uint64_t seed) {
  RandomRun run = random_run(seed);
  choose_fleet(seed, run.config.cluster);
  choose_clients(seed, run.config.clients);
  return run;
}

}  // namespace foretoken::test
