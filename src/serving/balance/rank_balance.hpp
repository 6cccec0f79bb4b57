// Which rank of an attention data-parallel group gets a request, by the engine's own rule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "foretoken/base/units.hpp"
#include "foretoken/serving/engine_config.hpp"

namespace foretoken {

// What a rank's scheduler would report.
struct RankLoad {
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  double kv_used = 0;  // share of its KV blocks
};

// Contract: choose() answers an index into `loads`, which has the same size at every call; left() follows for
// every request that was chosen for a rank, and may for others.
class RankBalance {
 public:
  virtual ~RankBalance() = default;
  // `loads` as of now; `request`: its index.
  [[nodiscard]] virtual int choose(std::span<const RankLoad> loads, std::int64_t request, TimePoint now) = 0;
  virtual void left(std::int64_t /*request*/) {}
};

// The first of the smallest: a later rank must be strictly smaller.
template <class Score>
[[nodiscard]] int smallest_rank(std::span<const RankLoad> loads, Score score) {
  return static_cast<int>(std::min_element(loads.begin(), loads.end(),
                                           [&](const RankLoad& a, const RankLoad& b) { return score(a) < score(b); }) -
                          loads.begin());
}

// Fewest requests (TensorRT-LLM: a guess); in turn (SGLang, and who has no rule of its own): src/serving/README.md,
// "Ranks".
[[nodiscard]] std::unique_ptr<RankBalance> make_least_requests(const EngineConfig& engine);
[[nodiscard]] std::unique_ptr<RankBalance> make_ranks_in_turn(const EngineConfig& engine);

}  // namespace foretoken
