// A request that goes on elsewhere: what it brings along, and how long that takes.
#pragma once

#include "foretoken/base/units.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/requests/attribution.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// What of a request's past matters where it goes on.
struct KvState {
  std::int64_t cached = 0;   // tokens in the KV cache that comes along
  std::int64_t emitted = 0;  // output tokens so far
  std::int64_t prefix_hit = 0;
  std::int32_t preemptions = 0;
  TimePoint scheduled{};
  TimePoint first_token{};  // if one is out
  TimePoint last_token{};
  Account account;
};

// "Computed here, goes on there." Until the KV cache is there, `rank` keeps the blocks of `pinned`.
struct HandOver {
  Request request;
  KvState kv;
  int rank = 0;
  RequestId pinned = kNoRequest;
  TimePoint since{};  // handed over
};

// How long it takes to get to a replica. Replicas are numbered through all pools.
// Contract: never negative; asked once for each way, when it begins, in the order of simulated time.
class Transport {
 public:
  virtual ~Transport() = default;
  // From the router: a request reaches its replica later than it was routed.
  [[nodiscard]] virtual Duration to_replica(const Request& request, int replica) = 0;
  // The KV cache of a request that is handed over.
  [[nodiscard]] virtual Duration of_kv(const HandOver& what, int replica) = 0;
};

}  // namespace foretoken
