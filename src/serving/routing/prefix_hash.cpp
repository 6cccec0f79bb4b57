// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018), as KubeAI's PrefixHash has it: the key
// is the prompt's first block.
#include "serving/kv_cache/key_chain.hpp"
#include "serving/routing/hash_ring.hpp"
#include "serving/routing/own_load.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

class PrefixHash final : public RoutingPolicy {
 public:
  explicit PrefixHash(const RoutingPlace& place)
      : ring_(place.replicas),
        load_(place.replicas),
        prefixes_(place.prefixes),
        factor_(place.config.hash_load_factor) {}

  int choose(const Request& request, const ClusterView& view) override {
    std::int64_t all = 0, takers = 0;
    for (int i = 0; i < view.size(); ++i) {
      if (!view.takes(i)) continue;
      all += load_.requests(i);
      ++takers;
    }
    const double most = factor_ * static_cast<double>(all + 1) / static_cast<double>(takers);
    constexpr std::int64_t kBlock = 16;  // tokens; KubeAI takes 100 characters
    KeyChain chain(request, prefixes_, kBlock);
    // The emptiest is always below the mean of all and one more.
    const int chosen = ring_.first(chain.key(0), [&](int i) {
      return view.takes(i) && (all == 0 || static_cast<double>(load_.requests(i)) <= most);
    });
    load_.sent(chosen, request);
    return chosen;
  }
  void left(int replica, const Request& request) override { load_.left(replica, request); }

 private:
  HashRing ring_;
  OwnLoad load_;
  const PrefixTable* prefixes_;
  double factor_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_prefix_hash(const RoutingPlace& place) {
  return std::make_unique<PrefixHash>(place);
}

}  // namespace foretoken
