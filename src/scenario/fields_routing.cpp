// Keys of the replicas and of who sends requests to which of them.
#include "scenario/field_rows.hpp"
#include "serving/policies.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names routers() {
  Names names;
  for (const PolicyInfo& info : routing_policies()) names.push_back(info.name);
  return names;
}
Names prefix_indexes() {
  return {"engine", "router"};
}

const Field kRoutingRows[] = {
    {"replicas", K::integer, "(num_gpus / (TP x PP x DP), or 1)", "Engines behind the router.", 1, 1e5},
    {"spare", K::integer, "",
     "Of the replicas so many may be down (N+1: 1): check, assert, recommend, capacity and promise judge without them, "
     "costs count them; bill rents them beside what each hour needs.",
     0, 1e5},
    {"router", K::choice, "round_robin", "Which replica gets a request.", 0, 0, {}, routers},
    {"routing", K::map, "", "What the router weighs; each policy reads some of it."},
    {"routing.signal_period", K::quantity, "0 s",
     "Replicas publish their load so often (llm-d and AIBrix 50 ms, vLLM 100 ms, SGLang 10 s); 0 = seen as it is.", 0,
     1e6},
    {"routing.signal_delay", K::quantity, "0 s", "So much later a publication reaches the router.", 0, 1e6},
    {"routing.signals_together", K::flag, "false", "All replicas publish at the same instants."},
    {"routing.count_own_dispatches", K::flag, "false",
     "shortest_queue and power_of_two: add what the router has sent since the publication."},
    {"routing.random_ties", K::flag, "false", "shortest_queue: any of the equally empty, not the first of them."},
    {"routing.slow_start", K::quantity, "0 s",
     "A replica that was added (`fleet`) gets its full share of the requests after so long, until then a growing part "
     "of it (Envoy's and nginx's slow start); 0 = at once, as llm-d, Dynamo and SGLang do.",
     0, 1e6},
    {"routing.slow_start_min_weight", K::number, "0.1", "The least part of its share (Envoy 0.1, nginx 0).", 0, 1},
    {"routing.slow_start_aggression", K::number, "1",
     "The part is (age / slow_start)^(1 / this): 1 = in proportion, above 1 sooner (Envoy).", 1e-2, 1e2},
    {"routing.prefix_index",
     K::choice,
     "engine",
     "Who knows the cached prefixes: engine (KV events, fresh), router (what it has sent where).",
     0,
     0,
     {},
     prefix_indexes},
    {"routing.prefix_index_blocks", K::integer, "31250",
     "prefix_index: router remembers so many blocks of 16 tokens per replica.", 1, 1e9},
    {"routing.choices", K::integer, "2", "power_of_two: replicas drawn; compared by what they publish, where they do.",
     1, 1e5},
    {"routing.cache_threshold", K::number, "0.3",
     "router: sglang: share of the prompt found above which the cache decides.", 0, 1},
    {"routing.balance_abs_threshold", K::number, "64",
     "router: sglang: out of balance beyond so many requests between the fullest and the emptiest replica and ...", 0,
     1e9},
    {"routing.balance_rel_threshold", K::number, "1.5", "router: sglang: ... beyond this factor.", 1, 1e9},
    {"routing.overlap_credit", K::number, "1", "dynamo: of a cached block, in blocks to prefill; 0 ignores the cache.",
     0, 1e3},
    {"routing.prefill_load_scale", K::number, "1", "dynamo: weight of blocks to prefill against blocks in use.", 0,
     1e6},
    {"routing.active_request_weight", K::number, "0", "dynamo: blocks that a request in flight counts besides.", 0,
     1e6},
    {"routing.temperature", K::number, "0", "dynamo: of the softmax over costs; 0 takes the least.", 0, 1e6},
    {"routing.queue_weight", K::number, "2", "llm_d: weight of the queue scorer.", 0, 1e6},
    {"routing.kv_weight", K::number, "2", "llm_d: weight of the KV cache scorer.", 0, 1e6},
    {"routing.prefix_weight", K::number, "3", "llm_d: weight of the prefix scorer.", 0, 1e6},
    {"routing.affinity_threshold", K::number, "0.8",
     "prefix_affinity: share of the prompt found that makes a replica a candidate.", 0, 1},
    {"routing.max_ttft_penalty", K::quantity, "18 s",
     "prefix_affinity: another replica is taken when the candidates begin later by more.", 0, 1e6},
    {"routing.prefill_throughput", K::number, "15928", "prefix_affinity: prompt tokens/s, to estimate that.", 1, 1e9},
    {"routing.short_prompt_tokens", K::integer, "4096", "length_pools: prompts up to it are short.", 1, 1e9},
    {"routing.short_replicas", K::integer, "(half of the replicas)",
     "length_pools: the first so many replicas serve them.", 1, 1e5},
    {"routing.hash_load_factor", K::number, "1.25",
     "prefix_hash: a replica has at most so many times the mean number of requests in flight.", 1, 1e9},
    {"routing.balancing_threshold", K::number, "2",
     "mooncake: a prefix is fetched from the replica that has so many times as much of it.", 1, 1e9},
    {"routing.fetch_throughput", K::number, "0",
     "mooncake: tokens/s of a prefix from replica to replica; 0 = prefixes stay where they are.", 0, 1e12},
    {"routing.max_ttft", K::quantity, "0 s",
     "mooncake: who would wait longer for the first token is refused; 0 = nobody.", 0, 1e6},
};

}  // namespace

std::span<const Field> routing_fields() {
  return kRoutingRows;
}

}  // namespace foretoken
