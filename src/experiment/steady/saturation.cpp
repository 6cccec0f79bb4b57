// Replications of one replica whose queue grows; completions are counted while it is full.
#include "experiment/steady/saturation.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"

namespace foretoken {
namespace {

constexpr int kFloods = 8;
constexpr std::int64_t kFewest = 1000;
// The first requests fill the seats and the cache, and their cohort leaves together: so many generations pass before
// completions count, and twice as many are counted.
constexpr std::int64_t kGenerations = 6;
constexpr double kWarmup = 1.0 / 3;
// Less than this of the load lets the queue grow fast enough to stay filled.
constexpr double kFull = 0.9;
constexpr double kOverload = 1.5;
// The limit tells a stable load from an unstable one, once and for all.
constexpr double kConfidence = 0.998;

struct Flood {
  double offered = 0;  // requests per second
  double rate = 0;     // completions per second in the window
  std::int64_t peak_running = 0;
  bool interrupted = false;
};

Result<Flood> flood(const Scenario& s, int index, const RunOptions& run) {
  ReplicationOptions options;
  options.stop = run.stop;
  options.cost_models = run.cost_models;
  const std::int64_t n = *s.workload.num_prompts;
  std::vector<TimePoint> finishes;
  finishes.reserve(static_cast<std::size_t>(n));
  TimePoint last_arrival{};
  options.on_request = [&](const RequestRecord& r) {
    last_arrival = std::max(last_arrival, r.request.arrival);
    finishes.push_back(r.finish);
  };
  const Result<ReplicationResult> result = simulate_replication(s, index, options);
  if (!result) return result.error();
  Flood flood;
  flood.interrupted = result->outcome.interrupted;
  flood.peak_running = result->measures.engine.peak_running;
  flood.offered = static_cast<double>(n) / std::max(1e-9, to_seconds(last_arrival.time_since_epoch()));
  // While requests still arrive the queue is never empty.
  std::sort(finishes.begin(), finishes.end());
  const auto end =
      static_cast<std::size_t>(std::upper_bound(finishes.begin(), finishes.end(), last_arrival) - finishes.begin());
  const auto begin = static_cast<std::size_t>(kWarmup * static_cast<double>(end));
  if (end < begin + 2) return flood;
  const double seconds = to_seconds(finishes[end - 1] - finishes[begin]);
  if (seconds > 0) flood.rate = static_cast<double>(end - 1 - begin) / seconds;
  return flood;
}

// One replica (of several pools: all of them) with a load of this rate, of independent requests.
Scenario one_replica(const Scenario& s, double rate, std::int64_t requests) {
  Scenario one = s;
  if (one.pools.empty()) one.cluster = {.router = one.cluster.router, .routing = one.cluster.routing};
  one.workload.client = {};
  one.workload.arrivals = RenewalArrivals{rate, 1, false};
  one.workload.num_prompts = requests;
  one.workload.duration.reset();
  one.workload.max_concurrency.reset();
  return one;
}

bool turns_requests_away(const EngineConfig& engine) {
  return engine.max_waiting_requests > 0 || engine.queue_timeout > Duration{};
}

}  // namespace

Result<Saturation> saturate(const Scenario& scenario, double rate, std::int64_t most_requests,
                            const RunOptions& options) {
  Saturation saturation;
  if (turns_requests_away(scenario.engine) || !(rate > 0)) return saturation;
  // Flooded, the replicas of one model stand idle where another's are the limit: no rate of the load as it is.
  if (has_several_models(scenario)) return saturation;
  const double replicas = scenario.pools.empty() ? scenario.cluster.replicas : 1;
  double offered = kOverload * rate / replicas;
  std::int64_t requests = kFewest;
  while (saturation.requests + kFloods * requests <= most_requests) {
    const Scenario one = one_replica(scenario, offered, requests);
    std::vector<std::optional<Result<Flood>>> floods(kFloods);
    parallel_for(floods.size(), options.threads,
                 [&](std::size_t i) { floods[i] = flood(one, static_cast<int>(i), options); });
    std::vector<double> rates;
    std::int64_t running = 1;
    double arriving = 0;
    for (const auto& f : floods) {
      if (!*f) return f->error();
      if ((*f)->interrupted) return saturation;
      rates.push_back((*f)->rate);
      arriving += (*f)->offered / kFloods;
      running = std::max(running, (*f)->peak_running);
    }
    saturation.requests += kFloods * requests;
    Interval limit = mean_interval(rates, kConfidence);
    if (limit.value > kFull * arriving) {
      offered *= 2;
    } else if (const std::int64_t enough = 3 * kGenerations * running; requests < enough) {
      requests = std::max(2 * requests, enough);
    } else {
      limit.value *= replicas, limit.low *= replicas, limit.high *= replicas;
      saturation.limit = limit;
      return saturation;
    }
  }
  return saturation;
}

}  // namespace foretoken
