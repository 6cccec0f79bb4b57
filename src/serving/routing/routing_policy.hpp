// Which replica gets a request.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/policies.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// A prefix that comes from another replica before the request.
struct Fetch {
  std::int64_t tokens = 0;  // of the prompt's start, with those that are there; 0 = none comes
  Duration takes{};
};

// Contract: choose() answers an index in [0, view.size()) that takes requests, or kRefused; left() follows once for
// every request chosen for a replica, when it leaves the system or goes on in another pool.
class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;
  [[nodiscard]] virtual int choose(const Request& request, const ClusterView& view) = 0;
  virtual void left(int replica, const Request& request) = 0;
  // For the request that was chosen for last.
  [[nodiscard]] virtual Fetch fetch() const { return {}; }
  // How many conversations went to another replica because theirs took no requests; empty: none is bound.
  [[nodiscard]] virtual std::optional<std::int64_t> rebinds() const { return std::nullopt; }

  static constexpr int kRefused = -1;
};

// What a policy is made for.
struct RoutingPlace {
  int replicas = 1;
  const RoutingConfig& config;
  const PrefixTable* prefixes = nullptr;  // what Request::prefix_row points into; may be null
};

// A row of the table.
struct RoutingRow {
  PolicyInfo info;
  std::unique_ptr<RoutingPolicy> (*make)(const RoutingPlace&) = nullptr;
  std::span<const std::string_view> keys = {};  // of the scenario's `routing` that it reads
  bool sees_prefixes = false;                   // of replicas' caches
  bool fills_the_emptiest = false;              // a replica where several leave at once gets the next ones
  bool fetches = false;                         // prefixes from replica to replica; it may refuse requests, too
  bool starts_slowly = true;                    // else a request has a place that it would lose by that
};

// Whether it looks at what replicas publish.
[[nodiscard]] bool reads_signals(const RoutingRow& row);

// An unknown name is an InternalError.
[[nodiscard]] const RoutingRow& find_router(std::string_view name);
// Precondition: config.router is in the table.
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_routing_policy(const ClusterConfig& config,
                                                                 const PrefixTable* prefixes = nullptr);

[[nodiscard]] std::unique_ptr<RoutingPolicy> make_round_robin(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_least_outstanding(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_random_router(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_power_of_two(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_shortest_queue(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_least_tokens(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_least_kv(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_length_pools(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_session_sticky(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_sglang_router(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_dynamo_router(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_llm_d_router(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_aibrix_router(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_lora_affinity(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_prefix_affinity(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_prefix_hash(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_load_interpretation(const RoutingPlace& place);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_mooncake_router(const RoutingPlace& place);

}  // namespace foretoken
