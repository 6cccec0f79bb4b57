// A cluster put together in a test: pools, and what it is given in place of its routers, ways and policies.
#pragma once

#include <utility>

#include "serving/cluster/cluster.hpp"
#include "support/recorder.hpp"
#include "support/run_log.hpp"

namespace foretoken::test {

// Ways that take the same time always.
class FixedTransport final : public Transport {
 public:
  FixedTransport(Duration to_replica, Duration of_kv) : to_replica_(to_replica), of_kv_(of_kv) {}
  Duration to_replica(const Request&, int replica) override { return to_replica_ * (replica + 1); }
  Duration of_kv(const HandOver&, int) override { return of_kv_; }

 private:
  Duration to_replica_;  // times the replica's number, from 1
  Duration of_kv_;
};

inline ClusterSeams with_transport(Duration to_replica, Duration of_kv) {
  ClusterSeams seams;
  seams.transport = std::make_unique<FixedTransport>(to_replica, of_kv);
  return seams;
}

struct PooledRun {
  Recorder seen;
  SimulationOutcome outcome;
  [[nodiscard]] std::string text() const { return seen.text(outcome); }
};

inline PooledRun run_pools(PoolsConfig config, RequestSource& source, bool step_by_step, ClusterSeams seams = {}) {
  PooledRun run;
  config.step_by_step = step_by_step;
  run.outcome = run_cluster(config, source, run.seen, nullptr, std::move(seams));
  return run;
}

// Everything it tells, for the invariants. Their engine is that of the first pool.
inline RunLog log_pools(const PoolsConfig& config, RequestSource& source, ClusterSeams seams) {
  RunLog log;
  log.engine = config.pools.front().engine;
  for (const PoolConfig& pool : config.pools) {
    if (pool.engine.kv_offload.on()) log.engine.kv_offload = pool.engine.kv_offload;
  }
  LoggingSource logging_source(source, log);
  LoggingObserver observer(log);
  log.outcome = run_cluster(config, logging_source, observer, nullptr, std::move(seams));
  return log;
}

}  // namespace foretoken::test
