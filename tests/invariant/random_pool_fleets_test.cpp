// Random deployments of several pools whose replicas come and go, each pool's by itself: nothing is lost between pools
// or counted twice, and stretches give the bytes of steps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "serving/clients/clients.hpp"
#include "support/how_many.hpp"
#include "support/random_fleet.hpp"
#include "support/random_pools.hpp"

namespace foretoken::test {
namespace {

// Fleets of some of the pools; clients wait, try again, or hang up.
struct RandomPoolFleets : RandomPools {
  bool slow_links = false;

  // more: what came to be tried later; without it a seed is the deployment that it was.
  explicit RandomPoolFleets(std::uint64_t seed, bool more = true) : RandomPools(seed, more) {
    RandomStream random(seed, "random_pool_fleets");
    for (std::size_t i = 0; i < config.pools.size(); ++i) {
      PoolConfig& pool = config.pools[i];
      pool.cluster.routing.seed = seed;
      if (pool.role == PoolRole::encoder || random.uniform_int(0, 4) == 0) continue;
      const std::uint64_t own = seed * 8 + i;
      choose_fleet(own, pool.cluster);
      choose_autoscaler(own, pool.cluster);
      if (pool.cluster.fleet.on) choose_domains(own, pool.cluster.fleet.failures);
      if (!more) continue;
      choose_slow_start(own, pool.cluster.routing);
      choose_planner(own, pool);
    }
    // A KV cache arrives before its replicas have died many times.
    for (PoolConfig& pool : config.pools) {
      for (std::int64_t* rate : {&pool.link_bandwidth, &pool.flow_bandwidth}) *rate *= 1000;
    }
    config.hand_over.core_bandwidth *= 1000;
    // NCCL's groups do not outlive a member: a scenario with both is refused.
    config.hand_over.send = HandOverRules::Send::beside_steps;
    choose_clients(seed, config.clients);
    if (!more) return;
    choose_admission(seed);
    choose_slow_links(seed);
  }
  // Replicas die while KV caches are under way: of the order of the time between two deaths.
  void choose_slow_links(std::uint64_t seed) {
    RandomStream random(seed, "random_slow_links");
    slow_links = over_links && comes_and_goes() && random.uniform_int(0, 1) == 0;
    if (!slow_links) return;
    const auto slow = [&](std::int64_t& rate) { rate = rate > 0 ? random.uniform_int(10'000, 300'000) : 0; };
    slow(config.hand_over.core_bandwidth);
    for (PoolConfig& pool : config.pools) {
      slow(pool.link_bandwidth);
      slow(pool.flow_bandwidth);
      pool.kv_block_bytes = random.uniform_int(0, 2'000);
    }
  }
  // Dynamo's planner by latencies that are as short as those here.
  static void choose_planner(std::uint64_t seed, PoolConfig& pool) {
    RandomStream random(seed, "random_planner");
    AutoscalerConfig& a = pool.cluster.fleet.autoscaler;
    if (a.policy != AutoscalerPolicy::dynamo || pool.role == PoolRole::both || random.uniform_int(0, 2) == 0) return;
    a.aim = PlannerAim::sla;
    a.ttft = Duration{1'000'000} + up_to(random, 200'000'000);
    a.itl = Duration{1'000'000} + up_to(random, 50'000'000);
    a.window = a.interval + up_to(random, 100'000'000);
    a.sees_prompts = pool.role == PoolRole::prefill;
    a.sees_kv = !a.sees_prompts;
  }
  // Who is not let in, by what both sides of a hand-over look like.
  void choose_admission(std::uint64_t seed) {
    RandomStream random(seed, "random_admission");
    AdmissionConfig& a = config.pools.front().cluster.admission;
    if (random.uniform_int(0, 2) > 0) return;
    a.on = true;
    a.max_in_flight = random.uniform_int(0, 1) * random.uniform_int(5, 40);
    a.sheds = random.uniform_int(0, 1) == 0;
    a.shed_priority = 0;
    a.sheds_by_chance = random.uniform_int(0, 1) == 0;
    a.queues = !comes_and_goes() && !a.sheds && random.uniform_int(0, 1) == 0;
    a.queue_timeout = Duration{1'000'000} + up_to(random, 300'000'000);
    if (random.uniform_int(0, 1) == 0) a.stale_after = up_to(random, 20'000'000);
    RoutingConfig& routing = config.pools.front().cluster.routing;
    if (random.uniform_int(0, 1) == 0) routing.signal_period = up_to(random, 30'000'000);
  }
  [[nodiscard]] bool comes_and_goes() const {
    return std::any_of(config.pools.begin(), config.pools.end(), [](const auto& p) { return p.cluster.fleet.on; });
  }
};

std::string text_of(const FleetTotals& f) {
  std::string text = fmt::format("starts {} stops {} failures {} lost {} refused {} held {} turned away {} paid {}\n",
                                 f.starts, f.stops, f.failures, f.lost, f.refused, f.held, f.turned_away, f.paid());
  for (const FleetTotals::Decision& d : f.decisions)
    text += fmt::format("{} saw {} and wants {}\n", d.at.time_since_epoch().count(), d.metric, d.wanted);
  return text;
}

struct SeenPoolFleets {
  Recorder recorder;
  SimulationOutcome outcome;
  std::string text;
};

SeenPoolFleets run_fleets(const RandomPoolFleets& random, bool step_by_step) {
  PoolsConfig config = random.config;
  config.step_by_step = step_by_step;
  const auto source = random.run.source();
  SeenPoolFleets seen;
  if (config.clients.on) {
    Clients clients(config.clients, *source, seen.recorder);
    ClusterSeams seams = random.seams();
    seams.clients = &clients;
    seen.outcome = run_cluster(config, clients, clients, nullptr, std::move(seams));
    clients.end(seen.outcome);
  } else {
    seen.outcome = run_cluster(config, *source, seen.recorder, nullptr, random.seams());
  }
  seen.text = seen.recorder.text(seen.outcome) + text_of(seen.outcome.fleet);
  for (const FleetTotals& fleet : seen.outcome.pool_fleets) seen.text += text_of(fleet);
  const TransferTotals& t = seen.outcome.transfers;
  seen.text += fmt::format("transfers {} parts {} bytes {} failed {} expired {}\n", t.requests, t.parts, t.bytes,
                           t.failed, t.expired);
  return seen;
}

// Every request ends once, with parts that sum to its time, and leaves no KV blocks anywhere.
void expect_conserved(const SeenPoolFleets& seen) {
  const SimulationOutcome& o = seen.outcome;
  std::set<std::int64_t> ended;
  for (const RequestRecord& r : seen.recorder.records) {
    EXPECT_TRUE(ended.insert(r.request.index).second) << "two records of " << r.request.index;
    EXPECT_GE(r.finish, r.request.arrival);
    Duration ttft{}, e2e{};
    for (const Duration d : r.ttft_parts) ttft += d;
    for (const Duration d : r.e2e_parts) e2e += d;
    if (r.outcome == Outcome::finished) {
      EXPECT_EQ(ttft, r.first_token - r.request.arrival) << "request " << r.request.index;
    }
    EXPECT_EQ(e2e, r.finish - r.request.arrival) << "request " << r.request.index;
  }
  EXPECT_EQ(static_cast<std::int64_t>(ended.size()), o.arrived);
  EXPECT_EQ(o.finished + o.rejected + o.timed_out + o.failed + o.aborted + o.unfinished, o.arrived);
  for (const ReplicaTotals& r : o.replicas) EXPECT_EQ(r.kv_blocks_at_end, 0);
}

// Places are in one state at a time, by states and by what was counted.
void expect_lives_add_up(const FleetTotals& fleet, TimePoint end) {
  std::int64_t all = 0, paid = 0;
  for (const std::int64_t state : fleet.in_state) all += state;
  EXPECT_EQ(all, fleet.places * end.time_since_epoch().count());
  for (std::size_t i = 0; i < fleet.counts.size(); ++i) {
    const TimePoint until = i + 1 < fleet.counts.size() ? fleet.counts[i + 1].at : end;
    paid += fleet.counts[i].paid * (until - fleet.counts[i].at).count();
    EXPECT_LE(fleet.counts[i].ready, fleet.counts[i].paid);
    EXPECT_LE(fleet.counts[i].paid, fleet.places);
  }
  EXPECT_EQ(paid, fleet.paid());
}

TEST(RandomPoolFleets, LoseNothingAndGiveTheSameBytesInStretches) {
  const int runs = how_many_scenarios(400);
  std::int64_t fleets = 0, slow = 0, broken_off = 0, lost = 0, refused = 0, held = 0, failed_transfers = 0, stops = 0,
               decisions = 0;
  std::array<std::int64_t, 3> dead{};  // replicas by role
  for (int i = first_scenario(); i < runs; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const RandomPoolFleets random(seed);
    const SeenPoolFleets fast = run_fleets(random, false);
    ASSERT_EQ(fast.text, run_fleets(random, true).text);
    expect_conserved(fast);
    if (!random.comes_and_goes()) continue;
    ++fleets;
    expect_lives_add_up(fast.outcome.fleet, fast.outcome.end);
    for (std::size_t p = 0; p < fast.outcome.pool_fleets.size(); ++p) {
      const FleetTotals& fleet = fast.outcome.pool_fleets[p];
      expect_lives_add_up(fleet, fast.outcome.end);
      if (const auto role = static_cast<std::size_t>(random.config.pools[p].role); role < dead.size())
        dead[role] += fleet.failures;
      decisions += static_cast<std::int64_t>(fleet.decisions.size());
    }
    if (HasFailure()) return;
    lost += fast.outcome.fleet.lost;
    refused += fast.outcome.fleet.refused;
    held += fast.outcome.fleet.held;
    stops += fast.outcome.fleet.stops;
    slow += random.slow_links ? 1 : 0;
    const bool by_death = random.config.hand_over.failure_probability == 0 && fast.outcome.transfers.expired == 0;
    if (random.slow_links && by_death) broken_off += fast.outcome.transfers.failed;
    if (random.config.hand_over.failure_probability == 0) failed_transfers += fast.outcome.transfers.failed;
  }
  std::cout << fmt::format(
      "{} runs, {} of fleets: {} replicas died where prompts are computed, {} where they are decoded, {} that do "
      "both; {} lost, {} refused, {} held, {} transfers failed ({} on slow links of {} runs), {} replicas stopped, {} "
      "decisions\n",
      runs, fleets, dead[1], dead[2], dead[0], lost, refused, held, failed_transfers, broken_off, slow, stops,
      decisions);
  for (const std::int64_t met :
       {fleets, slow, broken_off, dead[0], dead[1], dead[2], lost, refused, held, failed_transfers, stops, decisions})
    EXPECT_GT(met, 0);
}

// 8929: a block that left a window while another request held it was taken for a free one. 19973: a client tried again
// at the instant at which a stretch began, and the stretch went on for a step too long. 9260: requests that had waited
// for somebody to decode were taken for received by looks before they were sent (scheduler_recv_interval).
TEST(RandomPoolFleets, RunsThatOnceWentWrongAgree) {
  for (const std::uint64_t seed : {8929, 9260, 19973}) {
    const RandomPoolFleets random(seed, false);
    const SeenPoolFleets fast = run_fleets(random, false);
    EXPECT_EQ(fast.text, run_fleets(random, true).text) << "seed " << seed;
    expect_conserved(fast);
  }
}

// Fleets that never change are the pools that they were.
TEST(RandomPoolFleets, ThoseThatStayAreThePoolsTheyWere) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomPools random(seed);
    const auto source = random.run.source();
    const PooledRun plain = run_pools(random.config, *source, false, random.seams());
    for (PoolConfig& pool : random.config.pools) {
      if (pool.role == PoolRole::encoder) continue;
      pool.cluster.fleet.on = true;
      pool.cluster.fleet.at_start = pool.cluster.replicas;
      pool.cluster.fleet.schedule = {{Duration{}, pool.cluster.replicas}};
    }
    const auto again = random.run.source();
    ASSERT_EQ(plain.text(), run_pools(random.config, *again, false, random.seams()).text()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace foretoken::test
