// The balancing rules that are no engine's alone.
#include "serving/balance/rank_balance.hpp"

namespace foretoken {
namespace {

class LeastRequests final : public RankBalance {
 public:
  int choose(std::span<const RankLoad> loads, std::int64_t, TimePoint) override {
    return smallest_rank(loads, [](const RankLoad& l) { return l.waiting + l.running; });
  }
};

class RanksInTurn final : public RankBalance {
 public:
  int choose(std::span<const RankLoad> loads, std::int64_t, TimePoint) override {
    const std::size_t chosen = next_;
    next_ = (next_ + 1) % loads.size();
    return static_cast<int>(chosen);
  }

 private:
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<RankBalance> make_least_requests(const EngineConfig&) {
  return std::make_unique<LeastRequests>();
}
std::unique_ptr<RankBalance> make_ranks_in_turn(const EngineConfig&) {
  return std::make_unique<RanksInTurn>();
}

}  // namespace foretoken
