// Orca and static batching: no engines to install, but what engines are compared with.
#include "serving/batching/batching_policy.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

void read_baseline_batch(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  engine.enable_chunked_prefill = knobs.flag("engine.enable_chunked_prefill", {true, "of no effect"});
  engine.max_num_seqs = knobs.integer("engine.max_num_seqs", {256, "256 for " + engine.name});
  read_budget_by_gpu(knobs, setting);
}

EngineProfile baseline() {
  EngineProfile p;
  p.blocks = BlockPolicy::reserve;
  p.read_batch = read_baseline_batch;
  p.read_memory_share = read_gpu_memory_utilization;
  p.captured_rows = captured_by_seats;
  return p;
}

}  // namespace

EngineProfile orca_profile() {
  EngineProfile p = baseline();
  p.info = {"orca", "iteration-level batching of whole prompts, KV reserved for max_model_len"};
  p.make = make_orca;
  p.publishes_load = p.publishes_kv_events = false;
  return p;
}

EngineProfile static_batching_profile() {
  static constexpr std::string_view kKnobs[] = {"engine.max_wait", "engine.padded"};
  EngineProfile p = baseline();
  p.info = {"static", "one batch at a time, run to its end (FasterTransformer)"};
  p.make = make_static_batching;
  p.publishes_load = p.publishes_kv_events = false;
  p.closed_batches = true;
  p.own_knobs = kKnobs;
  return p;
}

}  // namespace foretoken
