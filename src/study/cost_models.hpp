// Cost models that several runs of one deployment share, so that what one has priced the next need not.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken {

// A model is with one run at a time: taken, used by one thread, and given back. What a model
// remembers never shows in an answer, so it does not matter who had it before.
class CostModelPool {
 public:
  [[nodiscard]] std::unique_ptr<CostModel> take(const Deployment& deployment) {
    {
      const std::lock_guard lock(mutex_);
      for (auto at = idle_.begin(); at != idle_.end(); ++at) {
        if (!(at->first == deployment)) continue;
        std::unique_ptr<CostModel> model = std::move(at->second);
        idle_.erase(at);
        return model;
      }
    }
    return make_cost_model(deployment);
  }
  void give_back(const Deployment& deployment, std::unique_ptr<CostModel> model) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() >= kMostIdle) idle_.erase(idle_.begin());
    idle_.emplace_back(deployment, std::move(model));
  }

 private:
  static constexpr std::size_t kMostIdle = 16;  // each holds up to some MB of priced steps
  std::mutex mutex_;
  std::vector<std::pair<Deployment, std::unique_ptr<CostModel>>> idle_;  // latest last
};

}  // namespace foretoken
