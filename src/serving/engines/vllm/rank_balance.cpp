// vLLM's front end in front of data-parallel ranks.
#include <vector>

#include "serving/engines/vllm/vllm.hpp"

namespace foretoken {
namespace {

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
    const int chosen = smallest_rank(known_, [](const RankLoad& l) { return 4 * l.waiting + l.running; });
    ++known_[static_cast<std::size_t>(chosen)].waiting;
    return chosen;
  }

 private:
  std::vector<RankLoad> known_;
  TimePoint heard_{};
};

}  // namespace

std::unique_ptr<RankBalance> make_vllm_balance() {
  return std::make_unique<VllmBalance>();
}

}  // namespace foretoken
