// Keys of several kinds of replicas, and of the way between them.
#include "scenario/field_rows.hpp"
#include "serving/policies.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names pool_routers() {
  Names names;
  for (const PolicyInfo& info : routing_policies()) names.push_back(info.name);
  return names;
}
Names hand_overs() {
  return {"nixl", "p2p-nccl", "sglang", "tensorrt-llm", "plain"};
}
Names pick_ups() {
  return {"after_step", "next_call"};
}
Names send_types() {
  return {"PUT_ASYNC", "PUT", "GET"};
}
Names transfers() {
  return {"whole", "chunked", "layerwise"};
}
Names on_failures() {
  return {"fail", "recompute"};
}
Names pool_roles() {
  return {"both", "prefill", "decode", "encoder"};
}

constexpr Field kPoolRows[] = {
    {"pools", K::list_of_maps, "",
     "A deployment of several kinds of replicas; each pool has what the top level says, but for what it says itself. "
     "Its keys are also set by its name: `--set pools.NAME.replicas=2`."},
    {"pools[].name", K::text, "", "Letters, digits, - and _."},
    {"pools[].role",
     K::choice,
     "both",
     "What its replicas do of a request: prefill computes prompts and hands them over to pools of role decode; both "
     "does "
     "all of it; encoder computes the embeddings of images and sounds before (vllm-v1).",
     0,
     0,
     {},
     pool_roles},
    {"pools[].model", K::model, "(as the top level)", "The model of this pool, as `model`."},
    {"pools[].served_model_name", K::text, "(its model, as written)",
     "What classes of the workload call it in `model` (vLLM's --served-model-name): pools of one name share a router."},
    {"pools[].weight", K::number, "(by replicas)",
     "Share of the requests, relative to the other pools' (router: random; the backends of an HTTPRoute).", 1e-6, 1e6},
    {"pools[].hardware", K::map, "", "Keys of `hardware`, for this pool."},
    {"pools[].engine", K::map, "", "Keys of `engine`, for this pool."},
    {"pools[].memory", K::map, "", "Keys of `memory`, for this pool."},
    {"pools[].cost", K::map, "", "Keys of `cost`, for this pool."},
    {"pools[].fleet", K::map, "",
     "Keys of `fleet`, for this pool: its replicas come and go by themselves (not of role encoder)."},
    {"pools[].replicas", K::integer, "(as the top level)",
     "Engines of this pool; 0 leaves it out (of role both), as `foretoken placement` does.", 0, 1e5},
    {"pools[].router",
     K::choice,
     "(as the top level)",
     "Which of its replicas gets a request; the first pool of a role decides for all of it.",
     0,
     0,
     {},
     pool_routers},

    {"disaggregation", K::map, "",
     "How requests and their KV caches get from pools of role prefill to pools of role decode."},
    {"disaggregation.semantics",
     K::choice,
     "(by engine)",
     "nixl: the last prompt token is computed again where it decodes (vLLM); p2p-nccl: the same, and steps wait for "
     "the "
     "KV caches that they send or fetch (vLLM's P2pNcclConnector, before 0.28); sglang: blocks first, then the prompt, "
     "sent in chunks; tensorrt-llm; plain: the first token where the prompt is computed (Splitwise, DistServe).",
     0,
     0,
     {},
     hand_overs},
    {"disaggregation.send_type",
     K::choice,
     "(p2p-nccl: PUT_ASYNC)",
     "Who moves a KV cache, within which step: PUT_ASYNC, the one that computes the prompt, layer by layer; PUT, the "
     "same "
     "after the prompt; GET, the one that admits the request where it decodes.",
     0,
     0,
     {},
     send_types},
    {"disaggregation.transfer",
     K::choice,
     "(plain: whole)",
     "What of a KV cache goes at once: all of it when the prompt is computed; what each chunk has computed; or each "
     "layer when it is computed, while the others are. Engines have their own way; plain has any, with blocks taken "
     "before the prompt where it is not whole.",
     0,
     0,
     {},
     transfers},
    {"disaggregation.pick_up",
     K::choice,
     "(nixl: after_step)",
     "When a scheduler knows that a KV cache is there: with the output of a step that began later, or at the next "
     "call.",
     0,
     0,
     {},
     pick_ups},
    {"disaggregation.link", K::text, "(scale_out_link; within a node the GPU's own)",
     "Link between the pools, by catalog name; one per GPU, or as hardware.nics_per_node says. With a name it is a "
     "network, "
     "however few GPUs there are."},
    {"disaggregation.bandwidth", K::quantity, "(of the link)", "Of one GPU's link, each way.", 1, 1e15,
     Dimension::bandwidth},
    {"disaggregation.core_bandwidth", K::quantity, "", "Most of all transfers together; absent: the links alone limit.",
     1, 1e18, Dimension::bandwidth},
    {"disaggregation.efficiency", K::number, "(0.75; within a node 0.6)", "Share of the link that transfers reach.",
     0.001, 1},
    {"disaggregation.setup", K::quantity, "0.5 ms", "Of each transfer, before its first byte.", 0, 1000},
    {"disaggregation.per_descriptor", K::quantity, "(1.5 us; within a node 20 us; sglang 0)",
     "Posting the keys or values of one layer of one block.", 0, 1},
    {"disaggregation.hop", K::quantity, "0 s",
     "From the end of a prompt until the request is where it decodes: proxy, HTTP.", 0, 1000},
    {"disaggregation.launch", K::quantity, "0 s",
     "From the beginning of a step until it is launched and has polled for KV caches (pick_up: after_step); as long as "
     "the step where the host is the limit, as with enforce_eager.",
     0, 1000},
    {"disaggregation.enforce_handshake_compat", K::flag, "true",
     "nixl: pools of different releases refuse each other (vLLM's key of kv_connector_extra_config)."},
    {"disaggregation.pin_timeout", K::quantity, "(nixl before 0.23: 480 s, else 0)",
     "What was handed over is kept no longer where its prompt was computed; 0 = until it is there.", 0, kMaxSeconds},
    {"disaggregation.on_failure",
     K::choice,
     "fail",
     "After a lost transfer the request fails, or its prompt is computed where it decodes (vLLM's "
     "kv_load_failure_policy).",
     0,
     0,
     {},
     on_failures},
    {"disaggregation.failure_probability", K::number, "0", "Of a transfer.", 0, 1},
    {"disaggregation.local_prefill_below", K::integer, "0",
     "Requests with fewer tokens to compute than this stay with the decode pool (Dynamo: 2048); 0 = none.", 0,
     kMaxTokensField},
    {"disaggregation.local_prefill_ratio", K::number, "1",
     "... and with a smaller share of their prompt to compute than this (Dynamo: 0.7).", 0, 1.01},
    {"disaggregation.most_unstarted", K::number, "0",
     "Share of the decode pool's blocks for requests that do not run yet (DistServe: 0.05); 0 = no limit.", 0, 1},
    {"disaggregation.num_reserved_decode_tokens", K::integer, "512",
     "Kept free for each request's output (semantics sglang).", 0, kMaxTokensField},
};

}  // namespace

std::span<const Field> pool_fields() {
  return kPoolRows;
}

}  // namespace foretoken
