// The table of routing policies: one row each.
#include <algorithm>
#include <array>

#include "foretoken/base/result.hpp"
#include "serving/policies.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

using Keys = std::span<const std::string_view>;
constexpr std::string_view kChoices[] = {"choices", "signal_period", "signal_delay", "signals_together",
                                         "count_own_dispatches"};
constexpr std::string_view kSignals[] = {"signal_period", "signal_delay", "signals_together"};
constexpr std::string_view kQueue[] = {"signal_period", "signal_delay", "signals_together", "count_own_dispatches",
                                       "random_ties"};
constexpr std::string_view kPrefixes[] = {"prefix_index", "prefix_index_blocks"};
constexpr std::string_view kLengths[] = {"short_prompt_tokens", "short_replicas"};
constexpr std::string_view kSglang[] = {"prefix_index", "prefix_index_blocks", "cache_threshold",
                                        "balance_abs_threshold", "balance_rel_threshold"};
constexpr std::string_view kDynamo[] = {"signal_period",      "signal_delay",          "signals_together",
                                        "prefix_index",       "prefix_index_blocks",   "overlap_credit",
                                        "prefill_load_scale", "active_request_weight", "temperature"};
constexpr std::string_view kLlmD[] = {"signal_period",       "signal_delay", "signals_together", "prefix_index",
                                      "prefix_index_blocks", "queue_weight", "kv_weight",        "prefix_weight"};
constexpr std::string_view kAffinity[] = {"signal_period",    "signal_delay",        "signals_together",
                                          "prefix_index",     "prefix_index_blocks", "affinity_threshold",
                                          "max_ttft_penalty", "prefill_throughput"};
constexpr std::string_view kHash[] = {"hash_load_factor"};
constexpr std::string_view kMooncake[] = {"signal_period",       "signal_delay",        "signals_together",
                                          "prefix_index",        "prefix_index_blocks", "prefill_throughput",
                                          "balancing_threshold", "fetch_throughput",    "max_ttft"};

constexpr std::string_view kBalance[] = {"balance_abs_threshold", "balance_rel_threshold"};

constexpr std::array kRows{
    RoutingRow{{"round_robin", "replicas in turn"}, make_round_robin, Keys{}},
    RoutingRow{{"least_outstanding", "fewest requests in flight by the router's own count, lowest index among equals"},
               make_least_outstanding,
               Keys{},
               false,
               true},
    RoutingRow{{"random", "any replica, each with the same chance"}, make_random_router, Keys{}},
    RoutingRow{{"power_of_two", "of a few replicas drawn at random the one with the fewest requests in flight"},
               make_power_of_two,
               kChoices},
    RoutingRow{{"shortest_queue", "fewest waiting and running as replicas publish it, lowest index among equals"},
               make_shortest_queue,
               kQueue,
               false,
               true},
    RoutingRow{{"least_tokens", "fewest tokens in flight, with those of the prompt that are not cached there (llm-d)"},
               make_least_tokens,
               kPrefixes,
               true,
               true},
    RoutingRow{
        {"least_kv", "least KV cache in use as published, the last among equals (AIBrix)"}, make_least_kv, kSignals},
    RoutingRow{{"length_pools", "short prompts have replicas of their own; of these the emptiest"},
               make_length_pools,
               kLengths,
               false,
               true,
               false,
               false},
    RoutingRow{{"session_sticky", "all turns of a conversation where the first went, the emptiest then"},
               make_session_sticky,
               Keys{},
               false,
               false,
               false,
               false},
    RoutingRow{{"sglang", "SGLang's cache_aware: the longest cached prefix, unless loads are out of balance"},
               make_sglang_router,
               kSglang,
               true},
    RoutingRow{{"dynamo", "NVIDIA Dynamo's KV router: fewest blocks to prefill and in use"},
               make_dynamo_router,
               kDynamo,
               true},
    RoutingRow{{"llm_d", "llm-d's endpoint picker: weighted scores of queue, KV cache and cached prefix"},
               make_llm_d_router,
               kLlmD,
               true},
    RoutingRow{{"aibrix", "AIBrix's prefix-cache: the longest cached prefix among replicas of usual load"},
               make_aibrix_router,
               kPrefixes,
               true},
    RoutingRow{{"prefix_affinity",
                "llm-d's sticky until saturated: where most of the prompt is cached, unless it waits too long"},
               make_prefix_affinity,
               kAffinity,
               true},
    RoutingRow{{"lora_affinity", "where the request's LoRA adapter is already, unless loads are out of balance"},
               make_lora_affinity,
               kBalance},
    RoutingRow{{"prefix_hash", "KubeAI's: the prompt's start on a ring of hashes, no replica far above the mean load"},
               make_prefix_hash,
               kHash,
               false,
               false,
               false,
               false},
    RoutingRow{{"load_interpretation", "shares that even out published loads until the next publication (Dahlin)"},
               make_load_interpretation,
               kSignals},
    RoutingRow{{"mooncake", "Mooncake's: least expected TTFT, prefixes fetched from other replicas, late ones refused"},
               make_mooncake_router,
               kMooncake,
               true,
               false,
               true},
};

constexpr auto kInfos = [] {
  std::array<PolicyInfo, kRows.size()> infos{};
  for (std::size_t i = 0; i < infos.size(); ++i) infos[i] = kRows[i].info;
  return infos;
}();

}  // namespace

std::span<const PolicyInfo> routing_policies() {
  return kInfos;
}

const RoutingRow& find_router(std::string_view name) {
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const RoutingRow& r) { return r.info.name == name; });
  invariant(row != kRows.end(), [&] { return "unknown routing policy: " + std::string(name); });
  return *row;
}

bool reads_signals(const RoutingRow& row) {
  return std::find(row.keys.begin(), row.keys.end(), "signal_period") != row.keys.end();
}

std::unique_ptr<RoutingPolicy> make_routing_policy(const ClusterConfig& config, const PrefixTable* prefixes) {
  return find_router(config.router).make({config.replicas, config.routing, prefixes});
}

}  // namespace foretoken
