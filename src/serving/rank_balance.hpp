// Which rank of an attention data-parallel group gets a request, by the engine's own rule.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "foretoken/base/time.hpp"

namespace foretoken {

// What a rank's scheduler would report.
struct RankLoad {
  std::int64_t waiting = 0;
  std::int64_t running = 0;
};

// Contract: choose() answers an index into `loads`, which has the same size at every call.
class RankBalance {
 public:
  virtual ~RankBalance() = default;
  // `loads` as of now.
  [[nodiscard]] virtual int choose(std::span<const RankLoad> loads, TimePoint now) = 0;
};

// vllm-v1: smallest 4*waiting + running, as last reported (engines 2.8). tensorrt-llm: fewest requests
// (a guess, engines 5). All others: in turn (sglang 4.7).
[[nodiscard]] std::unique_ptr<RankBalance> make_rank_balance(std::string_view engine);

}  // namespace foretoken
