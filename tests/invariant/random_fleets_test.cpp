// Random fleets with clients that try again: nothing is lost or counted twice, and stretches give the bytes of steps.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "support/how_many.hpp"
#include "support/random_fleet.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

struct SeenFleet {
  Recorder recorder;
  SimulationOutcome outcome;
  std::string text;
};

SeenFleet run_with(const RandomRun& run, bool step_by_step) {
  SimulationConfig config = run.config;
  config.step_by_step = step_by_step;
  const StubCost cost(run.cost);
  const auto source = run.source();
  SeenFleet seen;
  seen.outcome = simulate(config, *source, cost, seen.recorder);
  const ClientTotals& c = seen.outcome.clients;
  const FleetTotals& f = seen.outcome.fleet;
  seen.text =
      seen.recorder.text(seen.outcome) +
      fmt::format("attempts {} given up {} late {} unanswered {}\n", c.attempts, c.timeouts, c.late, c.unanswered) +
      fmt::format("starts {} stops {} failures {} lost {} refused {} migrated {} held {} turned away {} paid {}\n",
                  f.starts, f.stops, f.failures, f.lost, f.refused, c.migrated, f.held, f.turned_away, f.paid());
  for (const FleetTotals::Decision& d : f.decisions)
    seen.text += fmt::format("{} saw {} and wants {}\n", d.at.time_since_epoch().count(), d.metric, d.wanted);
  return seen;
}

// Every request ends once, with parts that sum to its time.
void expect_conserved(const SeenFleet& seen, std::uint64_t seed) {
  const SimulationOutcome& o = seen.outcome;
  std::set<std::int64_t> ended;
  for (const RequestRecord& r : seen.recorder.records) {
    EXPECT_TRUE(ended.insert(r.request.index).second) << "seed " << seed << ": two records of " << r.request.index;
    EXPECT_GE(r.finish, r.request.arrival) << "seed " << seed;
    EXPECT_GE(r.attempts, 1);
    Duration ttft{}, e2e{};
    for (const Duration d : r.ttft_parts) ttft += d;
    for (const Duration d : r.e2e_parts) e2e += d;
    if (r.outcome == Outcome::finished) {
      EXPECT_EQ(ttft, r.first_token - r.request.arrival) << "seed " << seed << ", request " << r.request.index;
    }
    EXPECT_EQ(e2e, r.finish - r.request.arrival) << "seed " << seed << ", request " << r.request.index;
  }
  EXPECT_EQ(static_cast<std::int64_t>(ended.size()), o.arrived) << "seed " << seed;
  EXPECT_EQ(o.finished + o.rejected + o.timed_out + o.failed + o.unfinished, o.arrived) << "seed " << seed;
  if (o.clients.on) {
    EXPECT_EQ(o.clients.requests, o.arrived);
    EXPECT_GE(o.clients.attempts, o.clients.requests);
  }
}

// Places are in one state at a time, and their replicas leave no KV blocks behind.
void expect_lives_add_up(const SeenFleet& seen, int places, std::uint64_t seed) {
  const FleetTotals& fleet = seen.outcome.fleet;
  for (const ReplicaTotals& r : seen.outcome.replicas) EXPECT_EQ(r.kv_blocks_at_end, 0) << "seed " << seed;
  if (!fleet.on) return;
  std::int64_t all = 0;
  for (const std::int64_t state : fleet.in_state) all += state;
  EXPECT_EQ(all, places * seen.outcome.end.time_since_epoch().count()) << "seed " << seed;
  // The same from the counts.
  std::int64_t paid = 0, ready = 0;
  for (std::size_t i = 0; i < fleet.counts.size(); ++i) {
    const TimePoint end = i + 1 < fleet.counts.size() ? fleet.counts[i + 1].at : seen.outcome.end;
    paid += fleet.counts[i].paid * (end - fleet.counts[i].at).count();
    ready += fleet.counts[i].ready * (end - fleet.counts[i].at).count();
    EXPECT_LE(fleet.counts[i].ready, fleet.counts[i].paid);
    EXPECT_LE(fleet.counts[i].paid, places);
  }
  EXPECT_EQ(paid, fleet.paid()) << "seed " << seed;
  EXPECT_EQ(ready, fleet.in_state[static_cast<std::size_t>(ReplicaState::ready)]) << "seed " << seed;
}

TEST(RandomFleets, LoseNothingAndGiveTheSameBytesInStretches) {
  const int runs = how_many_scenarios(2000);
  std::int64_t starts = 0, held = 0, late = 0, aborted = 0, retried = 0, lost = 0, refused = 0, migrated = 0;
  std::int64_t decisions = 0, to_zero = 0, fair = 0;
  for (int i = 0; i < runs; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const RandomRun run = random_fleet(seed);
    const SeenFleet fast = run_with(run, false);
    const SeenFleet oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    expect_conserved(fast, seed);
    expect_lives_add_up(fast, run.config.cluster.replicas, seed);
    if (HasFailure()) return;
    for (const FleetTotals::Decision& d : fast.outcome.fleet.decisions) {
      const AutoscalerConfig& a = run.config.cluster.fleet.autoscaler;
      EXPECT_GE(d.wanted, a.least) << "seed " << seed;
      EXPECT_LE(d.wanted, a.most) << "seed " << seed;
      ++decisions;
      to_zero += d.wanted == 0 ? 1 : 0;
    }
    fair += run.config.engine.scheduling_policy == "vtc" ? 1 : 0;
    starts += fast.outcome.fleet.starts;
    held += fast.outcome.fleet.held;
    late += fast.outcome.clients.late;
    aborted += run.config.clients.aborts ? fast.outcome.clients.timeouts : 0;
    lost += fast.outcome.fleet.lost;
    refused += fast.outcome.fleet.refused;
    migrated += fast.outcome.clients.migrated;
    retried += fast.outcome.clients.attempts - fast.outcome.clients.requests;
  }
  std::cout << fmt::format(
      "{} runs: {} cold starts, {} held, {} answers for nobody, {} aborted, {} retries, {} lost, {} refused, {} "
      "migrated, {} decisions of autoscalers, {} of them to zero, {} runs with fair shares\n",
      runs, starts, held, late, aborted, retried, lost, refused, migrated, decisions, to_zero, fair);
  for (const std::int64_t met :
       {starts, held, late, aborted, retried, lost, refused, migrated, decisions, to_zero, fair})
    EXPECT_GT(met, 0);
}

// Drafts in the midst of aborts, crashes and migrations.
TEST(RandomFleets, WithDraftsLoseNothingEither) {
  std::int64_t runs = 0, aborted = 0, lost = 0, migrated = 0, accepted = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomRun run = random_fleet(seed);
    if (run.config.engine.scheduling_policy == "vtc" || !speculate(run)) continue;
    ++runs;
    const SeenFleet fast = run_with(run, false);
    const SeenFleet oracle = run_with(run, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    expect_conserved(fast, seed);
    expect_lives_add_up(fast, run.config.cluster.replicas, seed);
    if (HasFailure()) return;
    aborted += run.config.clients.aborts ? fast.outcome.clients.timeouts : 0;
    lost += fast.outcome.fleet.lost;
    migrated += fast.outcome.clients.migrated;
    for (const ReplicaTotals& r : fast.outcome.replicas) accepted += r.speculation.accepted_tokens;
  }
  std::cout << fmt::format("{} runs with drafts: {} aborted, {} lost, {} migrated, {} drafts accepted\n", runs, aborted,
                           lost, migrated, accepted);
  for (const std::int64_t met : {aborted, lost, migrated, accepted}) EXPECT_GT(met, 0);
}

// Who gives up a short wait, as head of the queue or in the inbox, while others stand behind it.
TEST(RandomFleets, WhoTimesOutCutsTheStretchThatOthersWaitFor) {
  std::int64_t timed_out = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    RandomRun run = random_run(seed);
    EngineConfig& engine = run.config.engine;
    if (run.loop || (engine.name != "vllm-v1" && engine.name != "sglang" && engine.name != "tensorrt-llm")) continue;
    RandomStream random(seed, "short_waits");
    engine.async_scheduling = random.uniform_int(0, 3) > 0;
    engine.queue_timeout = Duration{1} + up_to(random, random.uniform_int(0, 1) == 0 ? 2'000'000 : 40'000'000);
    const SeenFleet fast = run_with(run, false);
    ASSERT_EQ(fast.text, run_with(run, true).text) << "seed " << seed;
    timed_out += fast.outcome.timed_out;
  }
  EXPECT_GT(timed_out, 300);
}

// Blocks of one token, found by others as soon as they are scheduled: who is evicted by a request of higher priority
// after it was scheduled itself gives one more back than it has computed.
TEST(RandomFleets, WhoIsEvictedAfterItWasScheduledLosesNoBlock) {
  int evictions = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    RandomRun run = random_run(seed);
    EngineConfig& engine = run.config.engine;
    if (engine.name != "vllm-v1" || run.config.cluster.replicas > 1) continue;
    engine.scheduling_policy = "priority";
    engine.enable_prefix_caching = true;
    engine.async_scheduling = false;
    engine.num_gpu_blocks = engine.num_gpu_blocks * engine.block_size;
    engine.block_size = 1;
    for (Request& r : run.requests) r.priority = static_cast<std::int16_t>(r.index % 3);
    const SeenFleet fast = run_with(run, false);
    ASSERT_EQ(fast.text, run_with(run, true).text) << "seed " << seed;
    EXPECT_EQ(fast.outcome.replicas[0].kv_blocks_at_end, 0) << "seed " << seed;
    evictions += static_cast<int>(fast.outcome.replicas[0].preemptions);
  }
  EXPECT_GT(evictions, 100);
}

// A fleet that never changes is no fleet.
TEST(RandomFleets, AFleetThatStaysIsTheClusterItWas) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomRun run = random_run(seed);
    const SeenFleet plain = run_with(run, false);
    FleetConfig& fleet = run.config.cluster.fleet;
    fleet.on = true;
    fleet.at_start = run.config.cluster.replicas;
    fleet.schedule = {{Duration{}, run.config.cluster.replicas}};
    const SeenFleet same = run_with(run, false);
    ASSERT_EQ(plain.recorder.text(plain.outcome), same.recorder.text(same.outcome)) << "seed " << seed;
  }
}

// Clients who wait for ever send once.
TEST(RandomFleets, PatientClientsChangeNothing) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomRun run = random_run(seed);
    const SeenFleet plain = run_with(run, false);
    run.config.clients.on = true;
    const SeenFleet same = run_with(run, false);
    ASSERT_EQ(plain.recorder.text(plain.outcome), same.recorder.text(same.outcome)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace foretoken::test
