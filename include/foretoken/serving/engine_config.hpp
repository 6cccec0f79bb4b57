// The knobs of a serving engine, under vLLM's names, and of the cluster of its
// replicas. All values resolved: "auto" ends in the scenario layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "foretoken/base/units.hpp"
#include "foretoken/base/version.hpp"
#include "foretoken/cost/kv_layout.hpp"
#include "foretoken/serving/fleet_config.hpp"
#include "foretoken/serving/kv_offload_config.hpp"

namespace foretoken {

// Which of its drafts a request accepts in a step.
struct Acceptance {
  std::vector<double> rates;  // [i]: the probability that the first i + 1 are accepted; they do not rise
  // Above 0: a request has a rate of its own, drawn from the Beta distribution of this concentration (a + b) around
  // rates[0]; its i-th draft is accepted with the i-th power of it.
  double concentration = 0;
  bool operator==(const Acceptance&) const = default;
};

// Drafts by the number of requests in a step, from `from` requests on (num_speculative_tokens_per_batch_size).
struct DraftsByBatch {
  std::int64_t from = 1;
  std::int64_t tokens = 0;
  bool operator==(const DraftsByBatch&) const = default;
};

// Speculative decoding (src/serving/README.md, "Speculation").
struct SpeculationConfig {
  std::int64_t tokens = 0;                 // that a decoding row verifies beyond its own, at most; 0 = off
  std::int64_t lookahead = 0;              // blocks are taken for so many tokens beyond those of a step
  std::int64_t reserved_tokens = 0;        // of the budget, for the drafter's slots of all seats (vLLM until 0.27)
  std::int64_t slots_per_request = 0;      // of the budget, for those of each request in the step (from 0.28)
  bool shortens_hits = false;              // of a cached prefix the last block is computed again (vLLM: EAGLE, MTP)
  std::int64_t drafter_max_model_len = 0;  // nobody gets drafts in a step with a longer sequence; 0 = no limit
  double match_rate = 1;                   // share of steps that find something to propose (n-gram, suffix)
  std::vector<DraftsByBatch> by_batch = {};
  std::vector<Acceptance> acceptance = {};  // by class of request; one entry: of all
  std::uint64_t seed = 0;                   // of the draws
  [[nodiscard]] bool on() const { return tokens > 0; }
  bool operator==(const SpeculationConfig&) const = default;
};

// LoRA adapters beside the model (src/serving/README.md, "Adapters").
struct LoraConfig {
  std::int64_t max_loras = 0;      // places on the GPU for those that the requests of a step use; 0 = off
  std::int64_t max_cpu_loras = 0;  // in host memory, those on the GPU included
  bool base_takes_slot = false;    // requests of the base model use a slot too (SGLang)
  bool loaded_at_start = false;    // into host memory, as many as fit
  struct Load {
    Duration from_cpu{};   // into a slot of the GPU
    Duration from_disk{};  // the same with what comes before: into host memory
    bool operator==(const Load&) const = default;
  };
  std::vector<Load> loads = {};           // by adapter
  std::vector<std::int64_t> places = {};  // that each takes on the GPU (TensorRT-LLM's pages); empty: one each
  [[nodiscard]] bool on() const { return max_loras > 0; }
  bool operator==(const LoraConfig&) const = default;
};

// How the encoder of images and sound is scheduled (src/serving/README.md, "Images and audio").
struct EncoderConfig {
  std::int64_t budget = 0;   // embeddings that a step computes at most, and that the cache holds; 0: text alone
  bool whole_items = false;  // a chunk takes an item in whole or stops before it (disable_chunked_mm_input)
  bool elsewhere = false;    // items come encoded: they need room in the cache, and nothing is computed
  [[nodiscard]] bool on() const { return budget > 0; }
  bool operator==(const EncoderConfig&) const = default;
};

struct EngineConfig {
  std::string name = "vllm-v1";  // a row of the engines' table
  std::string version = "0.19";
  int data_parallel_size = 1;  // attention ranks that step together; what follows is of one rank
  int api_server_count = 1;    // vllm: front ends, each of which sends its requests to ranks by itself
  std::int64_t max_model_len = 8192;
  std::int64_t max_num_seqs = 256;
  std::int64_t max_num_batched_tokens = 8192;
  bool enable_chunked_prefill = true;
  std::int64_t long_prefill_token_threshold = 0;  // 0 = off
  bool enable_prefix_caching = false;
  int block_size = 16;
  std::int64_t num_gpu_blocks = 0;  // of one replica, null block included
  bool reserve_null_block = true;
  KvLayout kv_layout;                        // of blocks
  bool scheduler_reserve_full_isl = true;    // admit only when all blocks of the prompt fit (0.19+)
  double watermark = 0;                      // share of blocks kept free on admission (V1 0.24+, V0)
  std::int64_t chunked_prefill_size = 8192;  // sglang: most prefill tokens of a step
  std::int64_t max_prefill_tokens = 16384;   // sglang: a prefill batch is closed beyond
  bool enable_mixed_chunk = false;           // sglang: decodes join prefill steps
  double schedule_conservativeness = 1;      // sglang: factor on new_token_ratio
  bool ignore_eos_admission = false;         // sglang: ignore_eos without radix cache
  std::int64_t scheduler_recv_interval = 1;  // sglang: decode steps between two looks at new requests
  std::string capacity_scheduler_policy = "GUARANTEED_NO_EVICT";    // tensorrt-llm
  std::string context_chunking_policy = "FIRST_COME_FIRST_SERVED";  // tensorrt-llm
  std::int64_t batch_wait_timeout_iters = 0;           // tensorrt-llm: longest wait of contexts for company; 0 = none
  double batch_wait_max_tokens_ratio = 0;              // tensorrt-llm: they stop waiting at this share of the budget
  bool attention_dp_enable_balance = false;            // tensorrt-llm: the ranks of a group start contexts together
  std::int64_t attention_dp_timeout_iters = 50;        // ... or after so many steps
  std::int64_t attention_dp_batching_wait_iters = 10;  // ... and, once all have one, so many steps later
  int micro_batches = 1;                   // in flight in the pipeline; a step of the simulation is all of them
  std::string scheduling_policy = "fcfs";  // queueing policy table: fcfs, priority, vtc
  // vtc: what a token counts, and by class of the workload the share that it is entitled to (empty: all the same).
  double fair_prompt_weight = 1;
  double fair_output_weight = 2;
  std::vector<double> fair_shares;
  bool async_scheduling = false;          // a step is planned when the one before it begins
  Duration max_wait{};                    // static: longest wait for a full batch
  bool padded = true;                     // static: finished rows keep their place
  std::int64_t max_waiting_requests = 0;  // arrivals beyond are rejected; 0 = no limit
  Duration queue_timeout{};               // leave the queue unserved after it; 0 = never
  Duration per_request{};                 // from the client's send until the scheduler knows the request, beside
  Duration per_prompt_token{};  // ... the work of the engine's front end on each token of a prompt, one after the other
  SpeculationConfig speculation = {};
  LoraConfig lora = {};
  KvOffloadConfig kv_offload = {};
  EncoderConfig encoder = {};
  bool operator==(const EngineConfig&) const = default;

  // Token budget of a step, for its first request what the drafter's slots leave. Each of its micro-batches, and so
  // each chunk, has max_num_batched_tokens at most.
  [[nodiscard]] std::int64_t step_tokens() const {
    return max_num_batched_tokens * micro_batches - speculation.reserved_tokens - speculation.slots_per_request;
  }
  [[nodiscard]] std::int64_t usable_blocks() const { return num_gpu_blocks - (reserve_null_block ? 1 : 0); }
  // Of a request that decodes with so many tokens in its KV cache, and the most on its way there.
  [[nodiscard]] std::int64_t blocks_of(std::int64_t tokens) const {
    return kv_layout.blocks(tokens, tokens - 1, block_size);
  }
  [[nodiscard]] std::int64_t most_blocks_of(std::int64_t tokens) const {
    return kv_layout.most_blocks(tokens, max_num_batched_tokens, block_size);
  }
};

// What routing policies weigh. Each reads some of it: the rows of src/serving/routing/table.cpp.
struct RoutingConfig {
  // Load signals of replicas (waiting, running, KV blocks) are published every `signal_period`, 0 = seen as they are,
  // and reach the router `signal_delay` later; all at once, or each replica at a time of its own.
  Duration signal_period{};
  Duration signal_delay{};
  bool signals_together = false;
  bool count_own_dispatches = false;  // shortest_queue, power_of_two: add what it has sent since
  bool random_ties = false;           // shortest_queue: chance among equals, else the lowest index
  // Of a fleet: a replica that was added has its full share of the requests after `slow_start` (0 = at once), and from
  // this share on until then; the larger the aggression, the sooner (Envoy).
  Duration slow_start{};
  double slow_start_min_weight = 0.1;
  double slow_start_aggression = 1;
  std::string prefix_index =
      "engine";  // who knows the cached prefixes: engine (KV events), router (what it sent where)
  std::int64_t prefix_index_blocks = 31250;  // router: blocks of 16 tokens remembered per replica
  std::int64_t choices = 2;                  // power_of_two: replicas looked at
  double cache_threshold = 0.3;              // sglang: share of the prompt found, above which the cache decides
  double balance_abs_threshold = 64;         // sglang: requests between the fullest and the emptiest replica
  double balance_rel_threshold = 1.5;        // sglang: the same as a factor
  double overlap_credit = 1;                 // dynamo: of a cached block, in blocks to be prefilled
  double prefill_load_scale = 1;             // dynamo
  double active_request_weight = 0;          // dynamo: blocks that a running request counts
  double temperature = 0;                    // dynamo: of the softmax over costs; 0 = the least
  double queue_weight = 2;                   // llm_d: scorers
  double kv_weight = 2;
  double prefix_weight = 3;
  double affinity_threshold = 0.8;  // prefix_affinity: share of the prompt found that makes a replica sticky
  Duration max_ttft_penalty = std::chrono::seconds{18};  // prefix_affinity: for which it is still preferred
  double prefill_throughput = 15928;                     // prefix_affinity: tokens/s, to estimate that penalty
  std::int64_t short_prompt_tokens = 4096;               // length_pools: prompts up to it ...
  std::int64_t short_replicas = 0;   // ... go to the first so many replicas, longer ones to the others
  double hash_load_factor = 1.25;    // prefix_hash: most requests of a replica, in those of a mean one
  double balancing_threshold = 2;    // mooncake: prefixes are fetched where another has so many times as much of one
  double fetch_throughput = 0;       // mooncake: tokens/s of a prefix from replica to replica; 0 = none is fetched
  Duration max_ttft{};               // mooncake: who would wait longer is refused; 0 = nobody
  std::vector<double> weights = {};  // random: by replica, its share of the requests, relative; empty = equal
  std::uint64_t seed = 0;            // of the router's own random stream
  bool operator==(const RoutingConfig&) const = default;
};

// Who is not let in (src/serving/README.md, "Admission").
struct AdmissionConfig {
  bool on = false;
  std::int64_t max_in_flight = 0;  // requests in the system; 0 = no limit
  bool sheds = false;              // requests of this priority value and above, while replicas are saturated
  int shed_priority = 1;
  bool sheds_by_chance = false;  // the more of them, the more saturated the replicas are
  double queue_threshold = 5;    // of saturation: waiting requests, and share of KV blocks in use
  double kv_threshold = 0.8;
  Duration stale_after{};  // whose signals are older counts as saturated (1); 0 = they count however old they are
  // Flow control: who comes while they are saturated waits, by priority, at most so many of one.
  bool queues = false;
  std::int64_t queue_requests = 5000;
  Duration queue_timeout = std::chrono::seconds{60};
  double tokens_per_second = 0;  // that flow into the bucket; 0 = no rate limit
  double burst_tokens = 10000;   // most in it, which it holds at first
  bool counts_outputs = false;   // a request takes its prompt and the most that its output may become, else its prompt
  bool per_class = false;        // each class of the workload has a bucket
  bool operator==(const AdmissionConfig&) const = default;
};

struct ClusterConfig {
  int replicas = 1;
  std::string router = "round_robin";  // routing policy table
  RoutingConfig routing = {};
  AdmissionConfig admission = {};
  FleetConfig fleet = {};  // of `replicas` places
  bool operator==(const ClusterConfig&) const = default;
};

}  // namespace foretoken
