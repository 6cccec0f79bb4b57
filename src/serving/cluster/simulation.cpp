// A run of one pool or of several.
#include "foretoken/serving/simulation.hpp"

#include <algorithm>

#include "serving/clients/clients.hpp"
#include "serving/cluster/cluster.hpp"

namespace foretoken {

ReplicaTotals& ReplicaTotals::operator+=(const ReplicaTotals& r) {
  steps += r.steps;
  schedule_calls += r.schedule_calls;
  spans += r.spans;
  prefill_steps += r.prefill_steps;
  prefill_tokens += r.prefill_tokens;
  decode_tokens += r.decode_tokens;
  preemptions += r.preemptions;
  prefix_cache_queries += r.prefix_cache_queries;
  prefix_cache_hits += r.prefix_cache_hits;
  peak_running = std::max(peak_running, r.peak_running);
  peak_kv_blocks = std::max(peak_kv_blocks, r.peak_kv_blocks);
  busy += r.busy;
  kv_block_time += r.kv_block_time;
  for (std::size_t i = 0; i < prefill_parts.size(); ++i) {
    prefill_parts[i] += r.prefill_parts[i];
    decode_parts[i] += r.decode_parts[i];
  }
  flops += r.flops;
  bytes += r.bytes;
  prefill_flops += r.prefill_flops;
  prefill_bytes += r.prefill_bytes;
  speculation.add(r.speculation);
  encoder.add(r.encoder);
  return *this;
}

void SpeculationTotals::add(const SpeculationTotals& o) {
  drafts += o.drafts;
  draft_tokens += o.draft_tokens;
  accepted_tokens += o.accepted_tokens;
  dropped_tokens += o.dropped_tokens;
  if (accepted_at.size() < o.accepted_at.size()) accepted_at.resize(o.accepted_at.size());
  for (std::size_t i = 0; i < o.accepted_at.size(); ++i) accepted_at[i] += o.accepted_at[i];
}

void EncoderTotals::add(const EncoderTotals& o) {
  items += o.items;
  tokens += o.tokens;
  queries += o.queries;
  hits += o.hits;
  steps += o.steps;
  time += o.time;
}

SimulationOutcome simulate(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                           Observer& observer, const std::atomic<bool>* stop) {
  PoolsConfig pools;
  static_cast<SimulationOptions&>(pools) = config;
  pools.clients = config.clients;
  pools.pools.push_back({PoolRole::both, FirstToken::where_prefilled, config.engine, config.cluster, &cost});
  return simulate(pools, source, observer, stop);
}

SimulationOutcome simulate(const PoolsConfig& config, RequestSource& source, Observer& observer,
                           const std::atomic<bool>* stop) {
  if (!config.clients.on) return run_cluster(config, source, observer, stop);
  Clients clients(config.clients, source, observer);
  ClusterSeams seams;
  seams.clients = &clients;
  SimulationOutcome outcome = run_cluster(config, clients, clients, stop, std::move(seams));
  clients.end(outcome);
  return outcome;
}

}  // namespace foretoken
