// What a router can see of the replicas among which it chooses.
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

struct ReplicaSignals {
  PoolRole role = PoolRole::both;
  std::int64_t waiting = 0;  // requests
  std::int64_t running = 0;
  std::int64_t in_flight_tokens = 0;  // of those that wait the prompts, of those that run also the outputs so far
  std::int64_t kv_blocks_used = 0;    // those that the running step takes included
  std::int64_t kv_blocks = 0;
  std::int64_t free_seats = 0;
  std::int64_t prefill_tokens = 0;  // prompts that wait or whose first token is not out yet, in whole
  TimePoint as_of{};                // when that was so: now, or the last publication that has reached the router
  bool operator==(const ReplicaSignals&) const = default;
};

// Where a replica has a LoRA adapter: the best of its ranks. The base model is on every GPU.
enum class AdapterPlace { nowhere, host_memory, gpu };

// Contract: replicas are numbered from 0 to size() - 1, always the same; answers are as of the instant of the call, but
// signals that are published (RoutingConfig::signal_period) as of then; in the midst of a step or of a stretch of them
// too; looking leaves no trace.
class ClusterView {
 public:
  // By replica whether it is a candidate; null: all are.
  explicit ClusterView(const std::vector<std::uint8_t>* takes = nullptr) : takes_(takes) {}
  virtual ~ClusterView() = default;
  // In a fleet who is not ready is none. At least one is.
  [[nodiscard]] bool takes(int replica) const {
    return takes_ == nullptr || (*takes_)[static_cast<std::size_t>(replica)] != 0;
  }
  [[nodiscard]] bool all_take() const { return takes_ == nullptr; }
  [[nodiscard]] virtual int size() const = 0;
  [[nodiscard]] virtual TimePoint now() const = 0;
  [[nodiscard]] virtual ReplicaSignals signals(int replica) const = 0;
  // Tokens of the request's prompt that the replica's prefix cache holds (the best of its ranks).
  [[nodiscard]] virtual std::int64_t cached_tokens(int replica, const Request& request) const = 0;
  // Of the request's adapter; adapters come and go with steps that begin.
  [[nodiscard]] virtual AdapterPlace adapter_place(int /*replica*/, const Request& /*request*/) const {
    return AdapterPlace::gpu;
  }

 private:
  const std::vector<std::uint8_t>* takes_;
};

}  // namespace foretoken
