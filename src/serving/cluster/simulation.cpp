// A run of one pool or of several.
#include "foretoken/serving/simulation.hpp"

#include <algorithm>

#include "serving/clients/clients.hpp"
#include "serving/cluster/cluster.hpp"
#include "serving/fan_out/fan_out.hpp"

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
  adapters.add(r.adapters);
  kv_tiers += r.kv_tiers;
  encoder.add(r.encoder);
  return *this;
}

KvTierTotals& KvTierTotals::operator+=(const KvTierTotals& o) {
  for (std::size_t i = 0; i < hits.size(); ++i) hits[i] += o.hits[i];
  loads += o.loads;
  loaded_bytes += o.loaded_bytes;
  stored_bytes += o.stored_bytes;
  fetched_bytes += o.fetched_bytes;
  not_stored += o.not_stored;
  load_time += o.load_time;
  step_time += o.step_time;
  swapped_out += o.swapped_out;
  swapped_in += o.swapped_in;
  return *this;
}

void AdapterTotals::add(const AdapterTotals& o) {
  loads += o.loads;
  disk_loads += o.disk_loads;
  load_time += o.load_time;
  step_time += o.step_time;
  adapter_time += o.adapter_time;
  if (loads_of.size() < o.loads_of.size()) loads_of.resize(o.loads_of.size());
  for (std::size_t i = 0; i < o.loads_of.size(); ++i) loads_of[i] += o.loads_of[i];
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
  pools.answers = config.answers;
  pools.pools.push_back({PoolRole::both, FirstToken::where_prefilled, config.engine, config.cluster, &cost});
  return simulate(pools, source, observer, stop);
}

namespace {

// The router of the replicas where requests enter, which knows requests as they are before the front ends.
std::unique_ptr<RoutingPolicy> entry_router(const PoolsConfig& config, FanOut& fan_out, const PrefixTable* prefixes) {
  const PoolConfig* first = nullptr;
  int replicas = 0;
  for (const PoolConfig& pool : config.pools) {
    if (pool.role == PoolRole::decode) continue;
    if (first == nullptr) first = &pool;
    replicas += pool.cluster.replicas;
  }
  invariant(first != nullptr, "no pool where requests enter");
  ClusterConfig all = first->cluster;
  all.replicas = replicas;
  return make_family_router(make_routing_policy(all, prefixes), fan_out);
}

SimulationOutcome run_with_answers(const PoolsConfig& config, RequestSource& source, Observer& observer,
                                   const std::atomic<bool>* stop, ClusterSeams seams) {
  if (!config.answers.on()) return run_cluster(config, source, observer, stop, std::move(seams));
  FanOut fan_out(config.answers, source, observer);
  seams.fan_out = &fan_out;
  seams.entry_router = entry_router(config, fan_out, source.prefixes());
  SimulationOutcome outcome = run_cluster(config, fan_out, fan_out, stop, std::move(seams));
  fan_out.end(outcome);
  return outcome;
}

}  // namespace

SimulationOutcome simulate(const PoolsConfig& config, RequestSource& source, Observer& observer,
                           const std::atomic<bool>* stop) {
  if (!config.clients.on) return run_with_answers(config, source, observer, stop, {});
  Clients clients(config.clients, source, observer);
  ClusterSeams seams;
  seams.clients = &clients;
  SimulationOutcome outcome = run_with_answers(config, clients, clients, stop, std::move(seams));
  clients.end(outcome);
  return outcome;
}

}  // namespace foretoken
