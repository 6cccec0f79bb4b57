// The least loaded by one figure, its own or published.
#include <algorithm>
#include <limits>
#include <utility>

#include "serving/routing/best_of.hpp"
#include "serving/routing/own_load.hpp"
#include "serving/routing/prefix_sight.hpp"
#include "serving/routing/published_load.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

// The fewest waiting and running as published, the lowest index among equals or any of them: who looks at old signals
// sends all of a period to the same replica, unless it counts what it has sent since.
class ShortestQueue final : public RoutingPolicy {
 public:
  explicit ShortestQueue(const RoutingPlace& place)
      : load_(place.config, place.replicas),
        random_(place.config.seed, "router"),
        random_ties_(place.config.random_ties) {}
  int choose(const Request&, const ClusterView& view) override {
    const int chosen =
        random_ties_ ? any_of_the_emptiest(view) : least_of(view, [&](int i) { return load_.requests(view, i); });
    load_.sent(chosen, view.now());
    return chosen;
  }
  void left(int, const Request&) override {}

 private:
  int any_of_the_emptiest(const ClusterView& view) {
    std::vector<double> loads(static_cast<std::size_t>(view.size()), std::numeric_limits<double>::infinity());
    for (const int i : takers(view)) loads[static_cast<std::size_t>(i)] = static_cast<double>(load_.requests(view, i));
    return random_least_of(loads, random_);
  }

  PublishedLoad load_;
  RandomStream random_;
  bool random_ties_;
};

// The fewest tokens in flight by the router's own count, with those of this prompt that the replica does not have
// cached (llm-d's token-load). Of outputs it knows the most that they may become.
class LeastTokens final : public RoutingPolicy {
 public:
  explicit LeastTokens(const RoutingPlace& place) : load_(place.replicas), prefixes_(place) {}
  int choose(const Request& request, const ClusterView& view) override {
    const int chosen =
        least_of(view, [&](int i) { return load_.tokens(i) - prefixes_.cached_tokens(view, i, request); });
    load_.sent(chosen, request);
    prefixes_.sent(chosen, request);
    return chosen;
  }
  void left(int replica, const Request& request) override { load_.left(replica, request); }

 private:
  OwnLoad load_;
  PrefixSight prefixes_;
};

// The least KV cache in use as published; the last one among equals (AIBrix's least-kv-cache).
class LeastKv final : public RoutingPolicy {
 public:
  int choose(const Request&, const ClusterView& view) override {
    return least_of(view, [&](int i) {
      const ReplicaSignals s = view.signals(i);
      return std::pair(
          static_cast<double>(s.kv_blocks_used) / static_cast<double>(std::max<std::int64_t>(1, s.kv_blocks)), -i);
    });
  }
  void left(int, const Request&) override {}
};

// Short prompts have replicas of their own, so that none waits behind a long one; each kind goes to the emptiest of its
// own. Where one kind would have none, there are no pools.
class LengthPools final : public RoutingPolicy {
 public:
  explicit LengthPools(const RoutingPlace& place)
      : load_(place.replicas),
        replicas_(place.replicas),
        short_replicas_(place.config.short_replicas < place.replicas ? static_cast<int>(place.config.short_replicas)
                                                                     : 0),
        short_tokens_(place.config.short_prompt_tokens) {}
  int choose(const Request& request, const ClusterView& view) override {
    const bool is_short = short_replicas_ > 0 && request.prompt_tokens <= short_tokens_;
    const int chosen =
        is_short ? load_.emptiest(view, 0, short_replicas_) : load_.emptiest(view, short_replicas_, replicas_);
    load_.sent(chosen, request);
    return chosen;
  }
  void left(int replica, const Request& request) override { load_.left(replica, request); }

 private:
  OwnLoad load_;
  int replicas_;
  int short_replicas_;
  std::int64_t short_tokens_;
};

// The turns of a conversation go where the first one went: to the emptiest then.
class SessionSticky final : public RoutingPolicy {
 public:
  explicit SessionSticky(const RoutingPlace& place)
      : load_(place.replicas), conversations_(static_cast<std::size_t>(place.replicas), 0) {}
  int choose(const Request& request, const ClusterView& view) override {
    const int chosen = bound_to(request.conversation, view);
    load_.sent(chosen, request);
    return chosen;
  }
  void left(int replica, const Request& request) override { load_.left(replica, request); }
  [[nodiscard]] std::optional<std::int64_t> rebinds() const override { return rebinds_; }

 private:
  int bound_to(std::int32_t conversation, const ClusterView& view) {
    if (conversation < 0) return load_.emptiest(view);
    const auto place = static_cast<std::size_t>(conversation);
    if (place >= bound_.size()) bound_.resize(place + 1, -1);
    const bool is_bound = bound_[place] >= 0;
    if (is_bound && view.takes(bound_[place])) return bound_[place];
    rebinds_ += is_bound ? 1 : 0;
    // Among equals where the fewest are at home: replicas may well be idle between the turns of all conversations.
    const int home = least_of(view, [&](int i) { return std::pair(load_.requests(i), at_home(i)); });
    if (is_bound) --at_home(bound_[place]);
    ++at_home(home);
    return bound_[place] = home;
  }
  std::int64_t& at_home(int replica) { return conversations_[static_cast<std::size_t>(replica)]; }

  OwnLoad load_;
  std::vector<int> bound_;                   // by conversation
  std::vector<std::int64_t> conversations_;  // by replica
  std::int64_t rebinds_ = 0;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_shortest_queue(const RoutingPlace& place) {
  return std::make_unique<ShortestQueue>(place);
}

std::unique_ptr<RoutingPolicy> make_least_tokens(const RoutingPlace& place) {
  return std::make_unique<LeastTokens>(place);
}

std::unique_ptr<RoutingPolicy> make_least_kv(const RoutingPlace&) {
  return std::make_unique<LeastKv>();
}

std::unique_ptr<RoutingPolicy> make_length_pools(const RoutingPlace& place) {
  return std::make_unique<LengthPools>(place);
}

std::unique_ptr<RoutingPolicy> make_session_sticky(const RoutingPlace& place) {
  return std::make_unique<SessionSticky>(place);
}

}  // namespace foretoken
