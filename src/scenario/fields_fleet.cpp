// Keys of replicas that come and go, and of clients that try again.
#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names compile_caches() {
  return {"cold", "cached", "off"};
}
Names when_none_ready() {
  return {"hold", "reject"};
}
Names patiences() {
  return {"fixed", "exponential"};
}
Names client_presets() {
  return {"none", "openai", "envoy", "nginx", "sglang_router"};
}
Names owners_of_failures() {
  return {"replica", "gpu", "node"};
}
Names counts() {
  return {"prompt", "total"};
}
Names waits() {
  return {"answer", "first_token"};
}
Names on_timeouts() {
  return {"abort", "continue"};
}
Names sheds() {
  return {"saturated", "probabilistic"};
}
Names jitters() {
  return {"none", "minus_25", "plus_minus_20", "full"};
}

constexpr Field kFleetRows[] = {
    {"admission", K::map, "", "Who is not let in: rejected before a router chooses (429)."},
    {"admission.max_in_flight", K::integer, "", "Requests in the system at most.", 1, kMaxCount},
    {"admission.shed_priority", K::integer, "",
     "Requests of this priority value or a larger one are rejected while the replicas are saturated (llm-d's sheddable "
     "requests).",
     -32768, 32767},
    {"admission.shed",
     K::choice,
     "saturated",
     "Of these requests all while saturation is 1 or more, or (probabilistic) a share of 300 x saturation^5 at any "
     "time: "
     "llm-d's admitter plugin of that name.",
     0,
     0,
     {},
     sheds},
    {"admission.flow_control", K::flag, "false",
     "Requests wait before the router while the replicas are saturated, by priority, and then go one by one (llm-d)."},
    {"admission.queue_requests", K::integer, "5000", "So many of one priority wait there; more are rejected.", 1,
     kMaxCount},
    {"admission.queue_timeout", K::quantity, "60 s", "Who waits there for longer is rejected.", 1e-3, kMaxSeconds},
    {"admission.queue_threshold", K::number, "5",
     "Saturated: the mean over replicas of max(waiting / this, ...) reaches 1 (llm-d).", 1e-3, 1e9},
    {"admission.kv_threshold", K::number, "0.8", "... share of KV blocks in use / this.", 1e-3, 1},
    {"admission.stale_after", K::quantity, "0 s",
     "A replica whose signals are older counts as saturated (llm-d: 200 ms); 0 = they count however old they are.", 0,
     kMaxSeconds},
    {"admission.tokens_per_second", K::number, "", "Rate limit: tokens that flow into a bucket.", 1e-6, 1e12},
    {"admission.burst_tokens", K::number, "10000", "Most tokens in the bucket, which is full at first.", 1, 1e12},
    {"admission.counts",
     K::choice,
     "prompt",
     "What a request takes from it: its prompt, or also its max_tokens.",
     0,
     0,
     {},
     counts},
    {"admission.per_class", K::flag, "false", "Each class of the workload has a bucket of its own."},

    {"fleet", K::map, "",
     "Replicas that come and go: `replicas` are ready when the run begins; others start cold. Paid is what is not "
     "gone."},
    {"fleet.schedule", K::list_of_maps, "", "How many replicas are wanted from when on, in order of time."},
    {"fleet.schedule[].at", K::quantity, "", "Since the run began, or the period.", 0, kMaxSeconds},
    {"fleet.schedule[].replicas", K::integer, "", "Wanted from then on.", 0, 1e4},
    {"fleet.period", K::quantity, "", "The schedule begins again after it (24 h, 7 d).", 1e-3, kMaxSeconds},
    {"fleet.max_replicas", K::integer, "(the most of replicas and the schedule)",
     "Places: as many as there are GPUs for. Who drains still has its place.", 1, 1e4},
    {"fleet.failures", K::list_of_maps, "",
     "Replicas that die at a given time, in order of time: what they have is lost."},
    {"fleet.failures[].at", K::quantity, "", "Since the run began.", 0, kMaxSeconds},
    {"fleet.failures[].replica", K::integer, "0", "The place whose replica dies, from 0.", 0, 1e4},
    {"fleet.failures[].replicas", K::integer, "1", "So many die at once, from that place on: a node, a rack.", 1, 1e4},
    {"fleet.domain_mtbf", K::quantity, "",
     "Replicas also die together: mean time between failures of one domain (a node or rack that holds "
     "domain_replicas of them), exponential.",
     1e-3, kMaxSeconds},
    {"fleet.domain_replicas", K::integer, "1", "Places of a domain: the first so many, the next so many, ...", 1, 1e4},
    {"fleet.mtbf", K::quantity, "",
     "Replicas also die by chance: mean time between failures of `mtbf_of`, exponential (Llama 3: 50,677 h per H100 in "
     "training).",
     1e-3, kMaxSeconds},
    {"fleet.mtbf_of",
     K::choice,
     "replica",
     "Whose time it is: a replica of n GPUs on m nodes dies n or m times as often.",
     0,
     0,
     {},
     owners_of_failures},
    {"fleet.repair", K::quantity, "0 s",
     "From a failure until its place can hold a replica again, which then starts cold; of failures by chance the mean.",
     0, kMaxSeconds},
    {"fleet.detection", K::quantity, "0 s",
     "From a failure until routers know and another replica is ordered; requests sent there meanwhile fail at once "
     "(Kubernetes 20 to 30 s, SGLang's router 120 to 180 s).",
     0, kMaxSeconds},
    {"fleet.ejection_failures", K::integer, "0",
     "Until `detection`: after so many requests in a row that a dead replica refused, routers leave it out for a while "
     "(Envoy's outlier ejection: 5); 0 = they go on.",
     0, 1e6},
    {"fleet.ejection_time", K::quantity, "30 s",
     "... for this long the first time, twice as long the second, and so on (Envoy's base_ejection_time); at most a "
     "tenth of the replicas at once, and one in any case.",
     1e-3, kMaxSeconds},
    {"fleet.when_none_ready",
     K::choice,
     "hold",
     "Requests that come while no replica is ready wait at the router, or are rejected at once (503).",
     0,
     0,
     {},
     when_none_ready},
    {"fleet.hold_requests", K::integer, "5000", "hold: so many at most (llm-d's flow control, per band).", 1,
     kMaxCount},
    {"fleet.hold_timeout", K::quantity, "60 s", "hold: so long at most, then they are rejected (llm-d).", 1e-3,
     kMaxSeconds},
    {"fleet.cold_start", K::map, "", "From the order for a replica until it is ready."},
    {"fleet.cold_start.node", K::quantity, "120 s",
     "A node with its driver (cloud: 60 to 120 s and 20 to 40 s for the driver); 0 where nodes are there.", 0,
     kMaxSeconds},
    {"fleet.cold_start.image", K::quantity, "60 s",
     "Pulling the engine's image (13 GB: 41 s tuned, 571 s not); 0 where it is cached.", 0, kMaxSeconds},
    {"fleet.cold_start.load", K::quantity, "(8.7 s + weights / storage_bandwidth; affine: 0 s)",
     "The engine's process, and its weights from storage.", 0, kMaxSeconds},
    {"fleet.cold_start.warm", K::quantity, "(by the model's layers; affine: 0 s)",
     "Compilation, the KV cache's profile, CUDA graphs.", 0, kMaxSeconds},
    {"fleet.cold_start.storage_bandwidth", K::quantity, "2 GB/s",
     "Of one node's storage for weights (SSD 0.54, NVMe 1.8, page cache 7.7 GB/s measured).", 1e6, 1e12,
     Dimension::bandwidth},
    {"fleet.cold_start.compile",
     K::choice,
     "(cached; off with enforce_eager)",
     "torch.compile: cold, cached on the node, or off.",
     0,
     0,
     {},
     compile_caches},
    {"fleet.cold_start.jitter", K::number, "0.2", "Sigma of the lognormal factor (mean 1) on a whole start.", 0, 2},
};

constexpr Field kClientRows[] = {
    {"workload.client", K::map, "",
     "Clients that give up and try again; absent: a request is sent once and waited for."},
    {"workload.client.preset",
     K::choice,
     "none",
     "Defaults of a real client or proxy for the keys below.",
     0,
     0,
     {},
     client_presets},
    {"workload.client.timeout", K::quantity, "(by preset; 0 s = none)", "Of one attempt.", 0, kMaxSeconds},
    {"workload.client.total_timeout", K::quantity, "(by preset; 0 s = none)",
     "Of all attempts of a request together; 0 = none.", 0, kMaxSeconds},
    {"workload.client.waits_for",
     K::choice,
     "answer",
     "What the time-outs are of: the whole answer, or the first token of a stream, after which nothing is sent again.",
     0,
     0,
     {},
     waits},
    {"workload.client.on_timeout",
     K::choice,
     "abort",
     "An attempt that is given up is aborted at the next step, or the server finishes it for nobody.",
     0,
     0,
     {},
     on_timeouts},
    {"workload.client.retries", K::integer, "(by preset; 0)", "Attempts after the first.", 0, 1000},
    {"workload.client.retry_on", K::list_of_text, "(by preset; all)",
     "After what an attempt is repeated: timeout, rejection, failure."},
    {"workload.client.backoff", K::quantity, "(by preset; 0 s)", "Pause before the first retry.", 0, kMaxSeconds},
    {"workload.client.backoff_factor", K::number, "(by preset; 2)", "On the pause from retry to retry.", 1, 100},
    {"workload.client.max_backoff", K::quantity, "(by preset; 8 s)", "Longest pause.", 0, kMaxSeconds},
    {"workload.client.jitter",
     K::choice,
     "(by preset; none)",
     "On a pause: minus_25 = U(0.75, 1), plus_minus_20 = U(0.8, 1.2), full = U(0, 1) of it.",
     0,
     0,
     {},
     jitters},
    {"workload.client.migration_limit", K::integer, "0",
     "So often a request whose replica died goes on elsewhere with the tokens that were out (Dynamo).", 0, 1000},
    {"workload.client.retry_budget", K::number, "",
     "Retries for each first attempt, as a bucket of tokens (0.1 = 10 %); absent: no budget.", 1e-6, 100},
    {"workload.client.retry_budget_burst", K::number, "10", "Most tokens in the bucket, which is full at first.", 1,
     1e9},
    {"workload.client.abort_share", K::number, "0",
     "Requests whose client closes the connection after `patience`, answered or not, and does not come back.", 0, 1},
    {"workload.client.patience", K::quantity, "", "abort_share: from the first send; the mean.", 1e-6, kMaxSeconds},
    {"workload.client.patience_distribution", K::choice, "exponential", "Of patience.", 0, 0, {}, patiences},
};

}  // namespace

std::span<const Field> fleet_fields() {
  return kFleetRows;
}

std::span<const Field> client_fields() {
  return kClientRows;
}

}  // namespace foretoken
