// The discrete-event simulation of pools of replicas serving a stream of requests.
//
// Example:
//   auto source = make_request_source(scenario->workload, 1);
//   auto cost = make_cost_model(scenario->deployment);
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/engine_config.hpp"
#include "foretoken/serving/observer.hpp"
#include "foretoken/workload/client_config.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// How a run is computed, whatever is simulated.
struct SimulationOptions {
  // The oracle: one engine step at a time, summed one by one. Same answers, slower.
  bool step_by_step = false;
  // Give the observer every step as a span of its own.
  bool every_step = false;
  // A run that piles up more than this stops and says so (64 bytes each while they wait).
  std::int64_t max_requests_in_system = 20'000'000;
};

// One pool that does all of a request.
struct SimulationConfig : SimulationOptions {
  EngineConfig engine;
  ClusterConfig cluster;
  ClientConfig clients;
  AnswersConfig answers = {};
};

// What the replicas of a pool do of a request.
enum class PoolRole {
  both,     // all of it
  prefill,  // its prompt; then it is handed over to a pool of role decode
  decode,   // its output, after a hand-over
  encoder,  // its images and sound, before its prompt (src/serving/README.md, "Encoders apart")
};

[[nodiscard]] constexpr std::string_view to_string(PoolRole role) {
  constexpr std::string_view kNames[] = {"both", "prefill", "decode", "encoder"};
  return kNames[static_cast<std::size_t>(role)];
}

// Who puts out the first token of a request that is handed over.
enum class FirstToken {
  where_prefilled,  // before the hand-over (Splitwise, DistServe)
  where_decoded,    // after it: the last prompt token is computed again (vLLM's connectors)
  on_arrival,       // computed before it, put out where its KV cache arrives, without a step (SGLang, TensorRT-LLM)
};

// How requests and their KV caches get from pools of role prefill to pools of role decode
// (src/serving/README.md, "Hand-overs").
struct HandOverRules {
  // When blocks are taken where a request will decode.
  enum class Reserve {
    on_arrival,      // of the request there, when its prompt is computed
    before_prefill,  // and its prompt is not computed before (SGLang)
  };
  // When the scheduler knows that a KV cache is there.
  enum class PickUp {
    next_call,
    after_step,  // of a step that begins later, with its output (vLLM)
  };
  enum class OnFailure {
    fail,       // the request ends
    recompute,  // its prompt is computed where it was to decode
  };
  // When a KV cache goes from pool to pool (the last three are those of vLLM's P2pNcclConnector).
  enum class Send {
    beside_steps,
    put_async,  // within the step that completes the prompt, layer by layer as they are computed: it ends when all is
                // sent
    put,        // the same, after the prompt
    get,        // within the step that admits the request where it decodes: all rows of it wait
  };
  Reserve reserve = Reserve::on_arrival;
  Send send = Send::beside_steps;
  PickUp pick_up = PickUp::next_call;
  OnFailure on_failure = OnFailure::fail;
  bool in_chunks = false;             // what a step has computed is sent at its end (before_prefill)
  bool by_layer = false;              // in_chunks: each layer goes when it is computed, while the others are
  bool needs_seat = false;            // blocks are taken only when a seat is free and nobody else waits (vLLM)
  bool finds_prefixes = true;         // what the prefix cache holds where it decodes need not come
  bool keeps_retracted = false;       // the KV cache of who is preempted there is kept aside, and comes back (SGLang)
  bool commits_outputs = false;       // blocks are taken only when all outputs fit beside them (TensorRT-LLM)
  std::int64_t reserved_tokens = -1;  // SGLang's num_reserved_decode_tokens; -1: its rule does not hold
  double most_unstarted = 0;          // of the blocks, by those that do not run yet (DistServe); 0 = no limit
  // A request that needs fewer tokens computed where it decodes, and a smaller share of its prompt, is not handed over.
  std::int64_t local_below = 0;
  double local_ratio = 1;
  Duration launch{};       // of a step: until then it still sees what has come (PickUp::after_step)
  Duration hop{};          // from the end of the prompt until the request is where it decodes
  Duration pin_timeout{};  // what was handed over is kept no longer; 0 = until it is there
  // ---- transfers ----
  Duration setup{};                 // of each
  std::int64_t core_bandwidth = 0;  // bytes/s of all together; 0 = no limit
  double failure_probability = 0;
  std::uint64_t seed = 0;  // of failures
  bool operator==(const HandOverRules&) const = default;
};

// Replicas of one engine on one kind of hardware. Ranks are numbered through all pools, in their order.
struct PoolConfig {
  PoolRole role = PoolRole::both;
  FirstToken first_token = FirstToken::where_prefilled;  // of role prefill
  EngineConfig engine;
  ClusterConfig cluster;
  const CostModel* cost = nullptr;  // lives as long as the run
  std::int64_t link_bandwidth = 0;  // bytes/s of one replica to and from the other pools, each; 0 = no limit
  // Of role decode:
  std::int64_t kv_block_bytes = 0;  // that come for one block
  std::int64_t flow_bandwidth = 0;  // bytes/s of one transfer alone, whatever the links have; 0 = no limit
  int model = 0;                    // that it serves
  double weight = 0;  // its share of the requests, relative, where its router is `random`; 0 = by replicas
  // Of role encoder:
  std::int64_t embedding_bytes = 0;  // of a token
  Duration embedding_setup{};        // of each item's transfer
  // Of role prefill:
  std::int64_t kv_layers = 1;  // that have a KV cache, and are computed one after the other
  // Of role decode: that come with the last blocks, states of recurrent layers which lie in no block.
  std::int64_t kv_state_bytes = 0;
};

// A deployment of several pools. Those with images or sound go through a pool of role encoder first, if there is one;
// its router says which of its replicas gets an item (in turn, or the one with the fewest). Requests enter at pools of
// role both or prefill; the router of the first of them chooses among the replicas of all, and that of the first pool
// of role decode among those. Of several models each has a router of its own, that of its first pool; their pools do
// all of a request.
struct PoolsConfig : SimulationOptions {
  std::vector<PoolConfig> pools;
  std::vector<int> model_of_class;  // by Request::class_index: what a class asks for; empty: there is one model
  HandOverRules hand_over;
  ClientConfig clients;
  AnswersConfig answers = {};
};

// What went from pool to pool.
struct TransferTotals {
  std::int64_t requests = 0;  // whose KV cache is there, or lost
  std::int64_t parts = 0;
  std::int64_t bytes = 0;
  std::int64_t failed = 0;
  std::int64_t expired = 0;  // that were kept no longer (pin_timeout)
  bool operator==(const TransferTotals&) const = default;
};

// What a router saw too late, and what it had to undo. One chooses where requests for a model enter, one where they
// decode.
struct RouterTotals {
  std::vector<int> pools = {};  // among whose replicas it chooses, by number
  // Requests that it sent by signals older than AdmissionConfig::stale_after, or to a replica of which it had heard
  // nothing yet; empty: it looks at no published signals.
  std::optional<std::int64_t> stale_choices = {};
  // Conversations that it bound to another replica because theirs took no requests; empty: it binds nothing.
  std::optional<std::int64_t> rebinds = {};
  bool operator==(const RouterTotals&) const = default;
};

// Of speculation, as vLLM counts (v1/spec_decode/metrics.py).
struct SpeculationTotals {
  std::int64_t drafts = 0;                     // rows that verified any
  std::int64_t draft_tokens = 0;               // that they verified
  std::int64_t accepted_tokens = 0;            // of these; also those beyond the request's last token
  std::int64_t dropped_tokens = 0;             // that came out beyond it
  std::vector<std::int64_t> accepted_at = {};  // by position
  void add(const SpeculationTotals& other);
  bool operator==(const SpeculationTotals&) const = default;
};

// Of LoRA adapters.
struct AdapterTotals {
  std::int64_t loads = 0;                   // into a slot of the GPU
  std::int64_t disk_loads = 0;              // of these, from disk
  Duration load_time{};                     // in which steps waited for them
  FineTotal step_time{};                    // of steps with adapters, fine units
  FineTotal adapter_time{};                 // sum of their distinct adapters x their time
  std::vector<std::int64_t> loads_of = {};  // by adapter
  void add(const AdapterTotals& other);
  bool operator==(const AdapterTotals&) const = default;
};

// Of the encoder of images and sound.
struct EncoderTotals {
  std::int64_t items = 0;    // computed, again after a preemption too
  std::int64_t tokens = 0;   // embeddings of these
  std::int64_t queries = 0;  // items that a chunk reached first, of any request
  std::int64_t hits = 0;     // of these, found in the encoder's cache
  std::int64_t steps = 0;    // that computed any
  FineTotal time{};          // of these steps, what the encoder took; fine units
  void add(const EncoderTotals& other);
  bool operator==(const EncoderTotals&) const = default;
};

// What one rank did over the run; most replicas have one.
struct ReplicaTotals {
  std::int64_t steps = 0;
  // What the simulation did for them, which stretches make less: calls of the policy, and steps or stretches priced.
  std::int64_t schedule_calls = 0;
  std::int64_t spans = 0;
  std::int64_t prefill_steps = 0;   // steps with at least one prefill chunk
  std::int64_t prefill_tokens = 0;  // incl. recomputed ones
  std::int64_t decode_tokens = 0;
  std::int64_t preemptions = 0;
  std::int64_t prefix_cache_queries = 0;  // prompt tokens looked up on first admission; 0 without prefix caching
  std::int64_t prefix_cache_hits = 0;     // of these, found
  std::int64_t peak_running = 0;
  std::int64_t peak_kv_blocks = 0;
  std::int64_t kv_blocks_at_end = 0;                  // in use when the run ended
  FineTotal busy{};                                   // fine units
  FineTotal kv_block_time{};                          // sum of blocks in use x time, fine units
  std::array<FineTotal, kTimeParts> prefill_parts{};  // mixed steps less their decode-only time
  std::array<FineTotal, kTimeParts> decode_parts{};
  FineTotal flops{};  // of one device
  FineTotal bytes{};

  // Sums, and the larger of peaks; not kv_blocks_at_end.
  ReplicaTotals& operator+=(const ReplicaTotals& other);
  FineTotal prefill_flops{};  // of these, what mixed steps do beyond their decodes
  FineTotal prefill_bytes{};
  SpeculationTotals speculation;
  AdapterTotals adapters;
  KvTierTotals kv_tiers;
  EncoderTotals encoder;
};

struct SimulationOutcome {
  std::vector<ReplicaTotals> replicas;  // rank k of replica r of the first pool stands at r * data_parallel_size + k
  std::vector<std::size_t> pool_ends;   // the ranks of pool i end before pool_ends[i]
  TimePoint end{};                      // last event
  std::int64_t arrived = 0;
  std::int64_t finished = 0;
  std::int64_t rejected = 0;
  std::int64_t timed_out = 0;
  std::int64_t failed = 0;
  std::int64_t aborted = 0;
  TransferTotals transfers;
  FleetTotals fleet;
  std::vector<FleetTotals> pool_fleets;  // of several pools each, where any is a fleet; those that stay are ready
  ClientTotals clients;
  std::vector<RouterTotals> routers;  // those that count anything
  // Signals that admission took for a full replica because they were older than stale_after; empty: it takes none so.
  std::optional<std::int64_t> stale_admission_signals;
  std::int64_t unfinished = 0;      // in the system when the run was stopped
  std::int64_t peak_in_system = 0;  // most at once; who leaves goes before who arrives at the same instant
  bool interrupted = false;         // by `stop`
  std::string stop_reason;          // not empty: the run ended early, and why
};

// Runs until the source is dry and the system empty, or until `stop` (may be
// null) becomes true; what is then in flight is reported as unfinished.
[[nodiscard]] SimulationOutcome simulate(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                                         Observer& observer, const std::atomic<bool>* stop = nullptr);
// The same for pools. Throws InternalError when a request could not go through them: no pool to enter, or pools of
// role prefill without one of role decode, or the reverse.
[[nodiscard]] SimulationOutcome simulate(const PoolsConfig& config, RequestSource& source, Observer& observer,
                                         const std::atomic<bool>* stop = nullptr);

}  // namespace foretoken
