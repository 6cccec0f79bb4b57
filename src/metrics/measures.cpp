// Merging of measures: whole-run figures are the sum of the windows and classes.
#include <algorithm>

#include "foretoken/metrics/summary.hpp"

namespace foretoken {

void LatencyDistributions::merge(const LatencyDistributions& other) {
  ttft.merge(other.ttft);
  for (std::size_t i = 0; i < tpot.size(); ++i) tpot[i].merge(other.tpot[i]);
  e2el.merge(other.e2el);
  queue_time.merge(other.queue_time);
}

void Measures::merge(const Measures& o) {
  latency.merge(o.latency);
  completed += o.completed;
  rejected += o.rejected;
  timed_out += o.timed_out;
  unfinished += o.unfinished;
  lost += o.lost;
  aborted += o.aborted;
  input_tokens += o.input_tokens;
  output_tokens += o.output_tokens;
  cached_tokens += o.cached_tokens;
  preemptions += o.preemptions;
  client_wait += o.client_wait;
  for (std::size_t i = 0; i < good.size(); ++i) {
    good[i] += o.good[i];
    good_output_tokens[i] += o.good_output_tokens[i];
  }
  limited += o.limited;
  first_arrival = std::min(first_arrival, o.first_arrival);
  last_arrival = std::max(last_arrival, o.last_arrival);
  last_finish = std::max(last_finish, o.last_finish);
}

double RunMeasures::duration() const {
  return all.completed == 0 ? 0 : to_seconds(all.last_finish - all.first_arrival);
}

double RunMeasures::engine_duration() const {
  return all.completed == 0 ? 0 : to_seconds(std::max(all.last_finish, end) - all.first_arrival);
}

ReplicaTotals sum_of(const std::vector<ReplicaTotals>& replicas) {
  ReplicaTotals sum;
  for (const ReplicaTotals& r : replicas) sum += r;
  return sum;
}

std::vector<PoolMeasures> by_pool(const SimulationOutcome& outcome) {
  std::vector<PoolMeasures> pools;
  if (outcome.pool_ends.size() < 2) return pools;
  auto begin = outcome.replicas.begin();
  for (const std::size_t pool_end : outcome.pool_ends) {
    const auto end = outcome.replicas.begin() + static_cast<std::ptrdiff_t>(pool_end);
    const std::size_t number = pools.size();
    pools.push_back({sum_of({begin, end}), static_cast<int>(end - begin)});
    if (number < outcome.pool_fleets.size()) pools.back().fleet = outcome.pool_fleets[number];
    begin = end;
  }
  return pools;
}

}  // namespace foretoken
