// The router before front ends that make several requests of one.
#include <unordered_map>
#include <utility>

#include "serving/fan_out/fan_out.hpp"

namespace foretoken {
namespace {

class FamilyRouter final : public RoutingPolicy, public FamilyListener {
 public:
  FamilyRouter(std::unique_ptr<RoutingPolicy> inner, FanOut& fan_out) : inner_(std::move(inner)), fan_out_(fan_out) {
    fan_out_.tell(this);
  }
  ~FamilyRouter() override { fan_out_.tell(nullptr); }
  FamilyRouter(const FamilyRouter&) = delete;
  FamilyRouter& operator=(const FamilyRouter&) = delete;

  int choose(const Request& part, const ClusterView& view) override {
    const std::int64_t family = fan_out_.family_of(part);
    const auto home = homes_.find(family);
    if (home != homes_.end()) {
      const int replica = home->second.replica;
      if (replica == kRefused || view.takes(replica)) return replica;
      inner_->left(replica, home->second.first);  // it is gone: the rest goes elsewhere
    }
    const int chosen = inner_->choose(part, view);
    homes_[family] = {chosen, part};
    return chosen;
  }
  void left(int, const Request&) override {}  // see over()
  void over(std::int64_t family) override {
    const auto home = homes_.find(family);
    if (home == homes_.end()) return;
    if (home->second.replica != kRefused) inner_->left(home->second.replica, home->second.first);
    homes_.erase(home);
  }

 private:
  struct Home {
    int replica = 0;
    Request first;  // as it was chosen for
  };
  std::unique_ptr<RoutingPolicy> inner_;
  FanOut& fan_out_;
  std::unordered_map<std::int64_t, Home> homes_;  // by family; never iterated
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_family_router(std::unique_ptr<RoutingPolicy> inner, FanOut& fan_out) {
  return std::make_unique<FamilyRouter>(std::move(inner), fan_out);
}

}  // namespace foretoken
