// What a router sees: a fake one that reads everything, in stretches and step by step.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "serving/engines/engine_profile.hpp"
#include "support/how_many.hpp"
#include "support/pooled_run.hpp"
#include "support/random_run.hpp"

namespace foretoken::test {
namespace {

struct Sight {
  std::vector<std::string> lines;                        // all that was seen, in order
  std::map<std::int64_t, std::int64_t> found_when_idle;  // by request: cached tokens at an idle replica chosen for it
  std::string fault;
  std::int64_t mid_run = 0;  // looks at replicas that have something to do
  std::int64_t cached = 0;   // looks that found a prefix
};

// Reads everything of everyone, and chooses by what it has read.
class ReadsAll final : public RoutingPolicy {
 public:
  ReadsAll(Sight& sight, PoolRole role, bool counts_leave_at_once)
      : sight_(sight), role_(role), counts_leave_at_once_(counts_leave_at_once) {}

  int choose(const Request& request, const ClusterView& view) override {
    routed_.resize(static_cast<std::size_t>(view.size()));
    int best = 0;
    std::int64_t best_score = INT64_MAX;
    for (int i = 0; i < view.size(); ++i) {
      const ReplicaSignals s = view.signals(i);
      const std::int64_t cached = view.cached_tokens(i, request);
      check(request, i, s, cached);
      sight_.lines.push_back(fmt::format("{} at {}: {} {} {} {} {} {} cached {}", request.index, i, s.waiting,
                                         s.running, s.in_flight_tokens, s.kv_blocks_used, s.kv_blocks, s.free_seats,
                                         cached));
      sight_.mid_run += s.running > 0 ? 1 : 0;
      sight_.cached += cached > 0 ? 1 : 0;
      const std::int64_t score = s.in_flight_tokens - 2 * cached + s.kv_blocks_used;
      if (score >= best_score) continue;
      best_score = score;
      best = i;
    }
    const ReplicaSignals s = view.signals(best);
    if (s.waiting + s.running == 0) sight_.found_when_idle[request.index] = view.cached_tokens(best, request);
    ++routed_[static_cast<std::size_t>(best)];
    return best;
  }
  void left(int replica, const Request&) override { --routed_[static_cast<std::size_t>(replica)]; }

 private:
  // Against the router's own count, and by themselves.
  void check(const Request& request, int replica, const ReplicaSignals& s, std::int64_t cached) {
    const std::int64_t own = routed_[static_cast<std::size_t>(replica)];
    const bool counts = counts_leave_at_once_ ? s.waiting + s.running == own : s.waiting + s.running >= own;
    const bool possible = s.kv_blocks_used >= 0 && s.kv_blocks_used <= s.kv_blocks && s.free_seats >= 0 &&
                          s.in_flight_tokens >= s.waiting + s.running - (counts_leave_at_once_ ? 0 : s.running) &&
                          cached >= 0 && cached < request.prompt_tokens;
    const bool role = role_ == PoolRole::decode ? s.role == PoolRole::decode : s.role != PoolRole::decode;
    if (counts && possible && role) return;
    sight_.fault = fmt::format("request {} at {}: {} waiting and {} running of {} routed, {} tokens, {} of {} blocks",
                               request.index, replica, s.waiting, s.running, own, s.in_flight_tokens, s.kv_blocks_used,
                               s.kv_blocks);
  }

  Sight& sight_;
  PoolRole role_;
  bool counts_leave_at_once_;
  std::vector<std::int64_t> routed_;  // and not gone
};

Sight look(const PoolsConfig& config, const RandomRun& run, bool step_by_step, PooledRun& out) {
  Sight sight;
  // With async_scheduling who has finished keeps its seat for a call.
  const bool at_once = !config.pools.front().engine.async_scheduling;
  ClusterSeams seams;
  seams.entry_router = std::make_unique<ReadsAll>(sight, PoolRole::both, at_once);
  if (config.pools.size() > 1) seams.decode_router = std::make_unique<ReadsAll>(sight, PoolRole::decode, at_once);
  const auto source = run.source();
  out = run_pools(config, *source, step_by_step, std::move(seams));
  return sight;
}

PoolsConfig one_pool(const RandomRun& run, const CostModel& cost) {
  PoolsConfig config;
  config.pools.push_back({PoolRole::both, FirstToken::where_prefilled, run.config.engine, run.config.cluster, &cost});
  config.pools.back().cluster.routing = {};  // fresh signals
  return config;
}

TEST(ClusterView, IsTheSameInTheMidstOfAStretchAsStepByStep) {
  std::int64_t mid_run = 0, cached = 0;
  for (int seed = 0; seed < how_many_scenarios(500); ++seed) {
    const RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    const StubCost cost(run.cost);
    const PoolsConfig config = one_pool(run, cost);
    PooledRun fast, slow;
    const Sight stretches = look(config, run, false, fast);
    const Sight oracle = look(config, run, true, slow);
    ASSERT_EQ(stretches.fault, "") << "seed " << seed;
    ASSERT_EQ(stretches.lines, oracle.lines) << "seed " << seed;
    ASSERT_EQ(fast.text(), slow.text()) << "seed " << seed;
    mid_run += stretches.mid_run;
    cached += stretches.cached;
  }
  std::cout << mid_run << " looks at busy replicas, " << cached << " found a prefix\n";
  EXPECT_GT(mid_run, 5'000);
  EXPECT_GT(cached, 1000);
}

TEST(ClusterView, OfPoolsShowsThoseThatTheRouterChoosesFrom) {
  int looked_at = 0;
  for (int seed = first_scenario(); seed < how_many_scenarios(2000); ++seed) {
    const RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (find_engine(run.config.engine.name).hands_over.empty()) continue;  // refused as a pool
    ++looked_at;
    const StubCost cost(run.cost);
    PoolsConfig config = one_pool(run, cost);
    config.pools.front().role = PoolRole::prefill;
    config.pools.push_back(config.pools.front());
    config.pools.back().role = PoolRole::decode;
    config.pools.back().cluster.replicas = 2;
    PooledRun fast, slow;
    const Sight stretches = look(config, run, false, fast);
    const Sight oracle = look(config, run, true, slow);
    ASSERT_EQ(stretches.fault, "") << "seed " << seed;
    ASSERT_EQ(stretches.lines, oracle.lines) << "seed " << seed;
    ASSERT_EQ(fast.text(), slow.text()) << "seed " << seed;
  }
  EXPECT_GT(looked_at, 200);
}

// Who comes alone to an idle replica finds there what the router saw.
TEST(ClusterView, TellsWhatTheRequestThenFindsInTheCache) {
  std::int64_t compared = 0, found = 0;
  for (int seed = 0; seed < how_many_scenarios(1500); ++seed) {
    const RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    const EngineConfig& engine = run.config.engine;
    if (!engine.enable_prefix_caching || engine.data_parallel_size > 1 || run.loop) continue;
    const StubCost cost(run.cost);
    PooledRun seen;
    const Sight sight = look(one_pool(run, cost), run, false, seen);
    std::map<TimePoint, int> arrivals;
    for (const Request& r : run.requests) ++arrivals[r.arrival];
    for (const RequestRecord& r : seen.seen.records) {
      const auto idle = sight.found_when_idle.find(r.request.index);
      if (idle == sight.found_when_idle.end() || r.outcome != Outcome::finished || arrivals[r.request.arrival] > 1)
        continue;
      ASSERT_EQ(r.cached_tokens, idle->second) << "seed " << seed << " request " << r.request.index;
      ++compared;
      found += idle->second > 0 ? 1 : 0;
    }
  }
  std::cout << compared << " compared, " << found << " found something\n";
  EXPECT_GT(compared, 500);
  EXPECT_GT(found, 100);
}

}  // namespace
}  // namespace foretoken::test
