// The router before front ends that make several requests of one.
#include <unordered_map>
#include <utility>

#include "serving/fan_out/fan_out.hpp"

namespace foretoken {
namespace {

class FamilyRouter final : public RoutingPolicy {
 public:
  FamilyRouter(std::unique_ptr<RoutingPolicy> inner, const FanOut& fan_out)
      : inner_(std::move(inner)), fan_out_(fan_out) {}

  int choose(const Request& part, const ClusterView& view) override {
    const std::int64_t family = FanOut::family_of(part);
    const auto home = homes_.find(family);
    if (home != homes_.end()) {
      if (view.takes(home->second.replica)) return home->second.replica;
      inner_->left(home->second.replica, home->second.first);  // it is gone: the rest goes elsewhere
    }
    const int chosen = inner_->choose(part, view);
    homes_[family] = {chosen, part};
    return chosen;
  }
  void left(int, const Request& part) override {
    if (!fan_out_.is_over(part)) return;
    const auto home = homes_.find(FanOut::family_of(part));
    if (home == homes_.end()) return;
    inner_->left(home->second.replica, home->second.first);
    homes_.erase(home);
  }

 private:
  struct Home {
    int replica = 0;
    Request first;  // as it was chosen for
  };
  std::unique_ptr<RoutingPolicy> inner_;
  const FanOut& fan_out_;
  std::unordered_map<std::int64_t, Home> homes_;  // by family; never iterated
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_family_router(std::unique_ptr<RoutingPolicy> inner, const FanOut& fan_out) {
  return std::make_unique<FamilyRouter>(std::move(inner), fan_out);
}

}  // namespace foretoken
