// The balancing rules of the engines that have attention data parallelism.
#include "serving/rank_balance.hpp"

#include <algorithm>
#include <vector>

namespace foretoken {
namespace {

// The first of the smallest: a later rank must be strictly smaller.
template <class Score>
int smallest(std::span<const RankLoad> loads, Score score) {
  return static_cast<int>(std::min_element(loads.begin(), loads.end(),
                                           [&](const RankLoad& a, const RankLoad& b) { return score(a) < score(b); }) -
                          loads.begin());
}

// One front end, which hears of the ranks' loads at most every 100 ms and counts what it
// sends in between as waiting.
class VllmBalance final : public RankBalance {
 public:
  int choose(std::span<const RankLoad> loads, TimePoint now) override {
    constexpr Duration kReportEvery{100'000'000};
    if (known_.empty() || now - heard_ >= kReportEvery) {
      known_.assign(loads.begin(), loads.end());
      heard_ = now;
    }
    const int chosen = smallest(known_, [](const RankLoad& l) { return 4 * l.waiting + l.running; });
    ++known_[static_cast<std::size_t>(chosen)].waiting;
    return chosen;
  }

 private:
  std::vector<RankLoad> known_;
  TimePoint heard_{};
};

class LeastRequests final : public RankBalance {
 public:
  int choose(std::span<const RankLoad> loads, TimePoint) override {
    return smallest(loads, [](const RankLoad& l) { return l.waiting + l.running; });
  }
};

class RanksInTurn final : public RankBalance {
 public:
  int choose(std::span<const RankLoad> loads, TimePoint) override {
    const std::size_t chosen = next_;
    next_ = (next_ + 1) % loads.size();
    return static_cast<int>(chosen);
  }

 private:
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<RankBalance> make_rank_balance(std::string_view engine) {
  if (engine == "vllm-v1") return std::make_unique<VllmBalance>();
  if (engine == "tensorrt-llm") return std::make_unique<LeastRequests>();
  return std::make_unique<RanksInTurn>();
}

}  // namespace foretoken
