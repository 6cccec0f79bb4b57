// Several models behind one router: each has the replicas that serve it to itself, as if there were no others.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/how_many.hpp"
#include "support/invariants.hpp"
#include "support/pooled_run.hpp"
#include "support/random_run.hpp"

namespace foretoken::test {
namespace {

using ::testing::IsEmpty;

// Two to three pools of two models, with engines, routers and costs of their own, and the requests of one random run
// dealt out among three classes, the last of which asks for what the first does.
struct RandomModels {
  std::vector<RandomRun> runs;
  std::vector<std::unique_ptr<StubCost>> costs;
  PoolsConfig config;
  std::vector<Request> requests;

  explicit RandomModels(std::uint64_t seed) {
    RandomStream random(seed, "random_models");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    for (std::uint64_t i = 0; i < 3; ++i) runs.push_back(random_run(seed + 100'000 * i));
    config.model_of_class = {0, 1, 0};
    for (std::size_t i = 0; i < 3; ++i) {
      RandomRun& run = runs[i];
      costs.push_back(std::make_unique<StubCost>(run.cost));
      if (i == 2 && pick(0, 1) == 0) continue;  // its model has one pool
      config.pools.push_back(
          {PoolRole::both, FirstToken::where_prefilled, run.config.engine, run.config.cluster, costs.back().get()});
      config.pools.back().model = i == 1 ? 1 : 0;
      // What has no prefix is hashed by its number in the run, which is another one alone.
      if (config.pools.back().cluster.router == "prefix_hash") config.pools.back().cluster.router = "sglang";
    }
    requests = runs.front().requests;
    for (Request& r : requests) r.class_index = static_cast<std::int16_t>(pick(0, 2));
  }

  [[nodiscard]] std::unique_ptr<RequestSource> source(const std::vector<Request>& some) const {
    return make_fixed_source(some, runs.front().prefixes);
  }
  // The pools and the requests of one model, which is then the only one.
  [[nodiscard]] PoolsConfig alone(int model) const {
    PoolsConfig one = config;
    std::erase_if(one.pools, [&](const PoolConfig& pool) { return pool.model != model; });
    for (PoolConfig& pool : one.pools) pool.model = 0;
    one.model_of_class.clear();
    return one;
  }
  [[nodiscard]] std::vector<Request> requests_of(int model) const {
    std::vector<Request> some;
    for (const Request& r : requests) {
      if (config.model_of_class[static_cast<std::size_t>(r.class_index)] == model) some.push_back(r);
    }
    return some;
  }
};

std::string text_of(const RequestRecord& r) {
  return fmt::format("{} {} {} {} {} {} {}\n", r.request.arrival.time_since_epoch().count(),
                     static_cast<int>(r.outcome), r.scheduled.time_since_epoch().count(),
                     r.first_token.time_since_epoch().count(), r.finish.time_since_epoch().count(), r.preemptions,
                     r.cached_tokens);
}

TEST(Models, AreServedAsIfEachWereAlone) {
  std::int64_t compared = 0;
  for (int seed = 0; seed < std::min(4000, how_many_scenarios(150)); ++seed) {
    const RandomModels models(static_cast<std::uint64_t>(seed));
    if (models.requests.empty()) continue;
    const auto source = models.source(models.requests);
    const PooledRun together = run_pools(models.config, *source, false);
    std::vector<std::string> expected(2), seen(2);
    for (const int model : {0, 1}) {
      const auto own = models.source(models.requests_of(model));
      const PooledRun alone = run_pools(models.alone(model), *own, false);
      for (const RequestRecord& r : alone.seen.by_index()) expected[static_cast<std::size_t>(model)] += text_of(r);
    }
    for (const RequestRecord& r : together.seen.by_index())
      seen[static_cast<std::size_t>(models.config.model_of_class[static_cast<std::size_t>(r.request.class_index)])] +=
          text_of(r);
    ASSERT_EQ(seen, expected) << "seed " << seed;
    compared += static_cast<std::int64_t>(together.seen.records.size());
  }
  EXPECT_GT(compared, 1500);
}

TEST(Models, GoOnlyWhereTheyAreServed) {
  for (int seed = 0; seed < std::min(4000, how_many_scenarios(150)); ++seed) {
    const RandomModels models(static_cast<std::uint64_t>(seed));
    std::vector<int> model_of_rank;
    for (const PoolConfig& pool : models.config.pools) {
      for (int i = 0; i < pool.cluster.replicas * pool.engine.data_parallel_size; ++i)
        model_of_rank.push_back(pool.model);
    }
    const auto source = models.source(models.requests);
    for (const RequestRecord& r : run_pools(models.config, *source, false).seen.records) {
      if (r.outcome != Outcome::finished) continue;
      const int wanted = models.config.model_of_class[static_cast<std::size_t>(r.request.class_index)];
      ASSERT_EQ(model_of_rank[static_cast<std::size_t>(r.replica)], wanted) << "seed " << seed;
    }
  }
}

TEST(Models, GiveTheSameBytesInStretchesAndStepByStep) {
  for (int seed = 0; seed < std::min(4000, how_many_scenarios(150)); ++seed) {
    const RandomModels models(static_cast<std::uint64_t>(seed));
    const auto run = [&](bool step_by_step) {
      const auto source = models.source(models.requests);
      return run_pools(models.config, *source, step_by_step).text();
    };
    ASSERT_EQ(run(false), run(true)) << "seed " << seed;
  }
}

TEST(Models, LoseNoRequestAndNoToken) {
  for (int seed = 0; seed < std::min(4000, how_many_scenarios(150)); ++seed) {
    const RandomModels models(static_cast<std::uint64_t>(seed));
    const auto source = models.source(models.requests);
    const RunLog log = log_pools(models.config, *source, {});
    ASSERT_THAT(inv_1_requests_are_conserved(log), IsEmpty()) << "seed " << seed;
    ASSERT_THAT(inv_8_tokens_are_conserved(log), IsEmpty()) << "seed " << seed;
    ASSERT_THAT(inv_13_littles_law(log), IsEmpty()) << "seed " << seed;
  }
}

TEST(Models, ThatNobodyServesAreRefused) {
  RandomModels models(1);
  models.config.model_of_class = {0, 7, 0};
  const auto source = models.source(models.requests);
  Recorder seen;
  EXPECT_THROW((void)simulate(models.config, *source, seen), InternalError);
}

}  // namespace
}  // namespace foretoken::test
