// Cost models that several runs of one deployment share, so that what one has priced the next need not.
#pragma once

#include <algorithm>
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
      const auto serves = [&](const Idle& idle) { return idle.first == deployment; };
      auto at = std::find_if(idle_.begin(), idle_.end(), serves);
      if (at == idle_.end())
        at = std::find_if(idle_.begin(), idle_.end(), [&](Idle& idle) { return idle.second->turn_to(deployment); });
      if (at != idle_.end()) {
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
  using Idle = std::pair<Deployment, std::unique_ptr<CostModel>>;
  static constexpr std::size_t kMostIdle = 32;  // each holds up to some MB of priced steps
  std::mutex mutex_;
  std::vector<Idle> idle_;  // latest last
};

// One of the pool's, or one of its own where there is no pool.
class BorrowedCostModel {
 public:
  BorrowedCostModel(CostModelPool* pool, const Deployment& deployment)
      : pool_(pool),
        deployment_(deployment),
        model_(pool != nullptr ? pool->take(deployment) : make_cost_model(deployment)) {}
  ~BorrowedCostModel() {
    if (pool_ != nullptr) pool_->give_back(deployment_, std::move(model_));
  }
  BorrowedCostModel(const BorrowedCostModel&) = delete;
  BorrowedCostModel& operator=(const BorrowedCostModel&) = delete;
  [[nodiscard]] const CostModel& operator*() const { return *model_; }

 private:
  CostModelPool* pool_;
  const Deployment& deployment_;
  std::unique_ptr<CostModel> model_;
};

}  // namespace foretoken
