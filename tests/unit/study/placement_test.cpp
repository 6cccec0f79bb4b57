// Placements: the exact choice against a table of Mélange and against trying everything, and a whole study on queues
// whose capacity is known.
#include "study/placement/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iostream>
#include <limits>

#include "base/random.hpp"
#include "report/placement_report.hpp"

namespace foretoken {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 10 small and 2 big requests a second; a replica on an A10G ($1) serves 4 small or 0.2 big ones, on an A100 ($3.7) 12
// or 2.
PlacementProblem melange() {
  PlacementProblem p;
  p.demands = {{10, 0}, {2, 0}};
  p.kinds = {{0, 1, 1, 0}, {0, 3.7, 1, 1}};
  p.capacity = {{4, 12}, {0.2, 2}};
  p.available = {-1, -1};
  return p;
}

double cheapest_cost(const PlacementProblem& p) {
  const CheapestPlans found = cheapest_plans(p);
  EXPECT_TRUE(found.exact);
  return found.plans.empty() ? std::numeric_limits<double>::infinity() : found.plans.front().cost;
}

TEST(CheapestPlans, G32SmallRequestsOnTheCheapGpuAndBigOnesOnTheFastOne) {
  PlacementProblem p = melange();
  const CheapestPlans found = cheapest_plans(p, 3);
  ASSERT_EQ(found.plans.size(), 3u);
  EXPECT_THAT(found.plans.front().replicas, ElementsAre(3, 1));
  EXPECT_DOUBLE_EQ(found.plans.front().cost, 6.7);
  EXPECT_THAT(found.plans.front().share[0], ElementsAre(1, 0));
  EXPECT_THAT(found.plans.front().share[1], ElementsAre(0, 1));
  EXPECT_LE(found.plans[0].cost, found.plans[1].cost);
  EXPECT_LE(found.plans[1].cost, found.plans[2].cost);
  p.available = {0, -1};
  EXPECT_DOUBLE_EQ(cheapest_cost(p), 7.4) << "all on A100: 0.83 + 1 replicas";
  p.available = {-1, 0};
  EXPECT_DOUBLE_EQ(cheapest_cost(p), 13) << "all on A10G: 2.5 + 10 replicas";
  p.available = {2, 1};
  EXPECT_EQ(cheapest_cost(p), std::numeric_limits<double>::infinity()) << "half of the small ones do not fit";
}

// A demand that one kind cannot carry is divided.
TEST(CheapestPlans, DividesADemandWhereOneKindIsNotEnough) {
  PlacementProblem p;
  p.demands = {{8, 0}};
  p.kinds = {{0, 1, 2, 0}, {0, 3, 1, 1}};
  p.capacity = {{2, 4}};
  p.available = {4, 2};  // two replicas of the cheap kind carry 4/s
  const CheapestPlans found = cheapest_plans(p);
  ASSERT_EQ(found.plans.size(), 1u);
  EXPECT_THAT(found.plans.front().replicas, ElementsAre(2, 1));
  EXPECT_THAT(found.plans.front().share[0], ElementsAre(0.5, 0.5));
  EXPECT_DOUBLE_EQ(found.plans.front().cost, 5);
}

// All divisions of all demands, one after the other.
double by_trying_everything(const PlacementProblem& p, std::size_t demand, std::vector<double> load,
                            std::vector<std::vector<double>> share = {}) {
  if (demand == p.demands.size()) {
    // Whoever can be reached over shared kinds must be able to serve.
    std::vector<std::vector<double>> reached = share;
    for (std::size_t again = 0; again < share.size(); ++again) {
      for (std::size_t a = 0; a < share.size(); ++a) {
        for (std::size_t b = 0; b < share.size(); ++b) {
          bool meet = false;
          for (std::size_t k = 0; k < load.size(); ++k) meet = meet || (reached[a][k] > 0 && reached[b][k] > 0);
          for (std::size_t k = 0; k < load.size() && meet; ++k) reached[a][k] += reached[b][k] > 0 ? 1 : 0;
        }
      }
    }
    for (std::size_t a = 0; a < share.size(); ++a) {
      for (std::size_t k = 0; k < load.size(); ++k) {
        if (reached[a][k] > 0 && !(p.capacity[a][k] > 0)) return std::numeric_limits<double>::infinity();
      }
    }
    double cost = 0;
    std::vector<int> used(p.available.size(), 0);
    for (std::size_t k = 0; k < load.size(); ++k) {
      const int replicas = static_cast<int>(std::ceil(load[k] - 1e-9));
      cost += p.kinds[k].cost * replicas;
      used[static_cast<std::size_t>(p.kinds[k].gpu_kind)] += replicas * p.kinds[k].gpus;
    }
    for (std::size_t g = 0; g < used.size(); ++g) {
      if (p.available[g] >= 0 && used[g] > p.available[g]) return std::numeric_limits<double>::infinity();
    }
    return cost;
  }
  double best = std::numeric_limits<double>::infinity();
  std::vector<int> slices(p.kinds.size(), 0);
  const std::function<void(std::size_t, int)> divide = [&](std::size_t kind, int left) {
    if (kind == p.kinds.size()) {
      if (left > 0) return;
      std::vector<double> with = load;
      for (std::size_t k = 0; k < slices.size(); ++k) {
        if (slices[k] > 0) with[k] += p.demands[demand].rate * slices[k] / p.slices / p.capacity[demand][k];
      }
      std::vector<std::vector<double>> shares = share;
      shares.emplace_back(slices.begin(), slices.end());
      best = std::min(best, by_trying_everything(p, demand + 1, with, shares));
      return;
    }
    const bool able = p.kinds[kind].model == p.demands[demand].model && p.capacity[demand][kind] > 0;
    for (slices[kind] = 0; slices[kind] <= (able ? left : 0); ++slices[kind]) divide(kind + 1, left - slices[kind]);
    slices[kind] = 0;
  };
  divide(0, p.slices);
  return best;
}

TEST(CheapestPlans, AreThoseOfTryingEverything) {
  int possible = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomStream random(seed, "placements");
    const auto pick = [&](std::int64_t low, std::int64_t high) {
      return static_cast<int>(random.uniform_int(low, high));
    };
    PlacementProblem p;
    p.slices = pick(1, 4);
    const int models = pick(1, 2), gpus = pick(1, 3);
    for (int i = pick(1, 4); i > 0; --i)
      p.kinds.push_back({pick(0, models - 1), 0.5 * pick(1, 20), pick(1, 4), pick(0, gpus - 1)});
    for (int i = pick(1, 3); i > 0; --i) p.demands.push_back({1.0 * pick(1, 30), pick(0, models - 1)});
    for (int g = 0; g < gpus; ++g) p.available.push_back(pick(0, 2) == 0 ? pick(0, 30) : -1);
    for (std::size_t d = 0; d < p.demands.size(); ++d) {
      p.capacity.emplace_back();
      for (std::size_t k = 0; k < p.kinds.size(); ++k) p.capacity.back().push_back(0.5 * pick(0, 12));
    }
    const double truth = by_trying_everything(p, 0, std::vector<double>(p.kinds.size(), 0));
    ASSERT_THAT(cheapest_cost(p), DoubleNear(truth, 1e-9)) << "seed " << seed;
    possible += std::isfinite(truth) ? 1 : 0;
  }
  EXPECT_GT(possible, 100);
}

// One request at a time, fixed times of service (M/D/1): 10 ms and 20 ms on the kind for $1, 8 ms on that for $3. The
// mean sojourn S + rho S / (2 (1 - rho)) of 30 ms is that of rho = 0.8 with S = 10 ms and of 0.846 with 8 ms, 60 ms
// that of 0.8 with 20 ms and of 0.929 with 8 ms: 80, 105.8, 40 and 116.1 requests/s.
const char* const kQueues = R"(
prices: {gpu_hour: {a10g: 1, a100_sxm: 3}}
cost: {level: affine}
engine: {name: vllm-v1, max_model_len: 8192, max_num_seqs: 1, num_gpu_blocks_override: 10000}
router: least_outstanding
pools:
  - {name: cheap, hardware: {gpu: a10g}, cost: {affine: {per_prefill_token: 10 us}}}
  - {name: fast, hardware: {gpu: a100_sxm}, cost: {affine: {per_step: 8 ms}}}
workload:
  request_rate: 80
  random_output_len: 1
  classes:
    - {name: short, weight: 3, random_input_len: 1000, slo: [mean_ttft <= 30 ms]}
    - {name: long, weight: 1, random_input_len: 2000, slo: [mean_ttft <= 60 ms]}
)";

Question queues(std::vector<std::string> set) {
  return {kQueues, "placed.yaml", {std::move(set), {}}};
}

Placement placed(std::vector<std::string> set = {}) {
  const Question question = queues(std::move(set));
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  PlacementOptions options;
  options.run.threads = 1;
  options.precision = 0.08;
  const Result<Placement> placement = find_placement(question, *scenario, options);
  if (!placement) throw std::runtime_error(format(placement.error()));
  return *placement;
}

double each_of(const Placement& p, const std::string& demand, const std::string& pool) {
  for (const DemandOnKind& one : p.capacities) {
    if (one.demand == demand && one.pool == pool) return one.each;
  }
  return -1;
}

// 60 short and 20 long ones: 0.75 + 0.5 cheap replicas, or 0.57 + 0.17 fast ones. Two cheap ones are half busy; one
// alone would be all the time.
TEST(Placement, TakesTheCheapestThatMeets) {
  const Placement p = placed();
  std::cout << to_text(p);
  ASSERT_TRUE(p.answer) << p.why_none;
  EXPECT_THAT(p.tries[*p.answer].plan.replicas, ElementsAre(2, 0));
  EXPECT_DOUBLE_EQ(p.tries[*p.answer].plan.cost, 2);
  EXPECT_NEAR(each_of(p, "short", "cheap"), 80, 8);
  EXPECT_NEAR(each_of(p, "short", "fast"), 105.8, 10);
  EXPECT_NEAR(each_of(p, "long", "cheap"), 40, 4);
  EXPECT_NEAR(each_of(p, "long", "fast"), 116.1, 11);
  EXPECT_EQ(p.verdict->overall, Decision::meets);
  EXPECT_THAT(p.set, ElementsAre("pools.cheap.replicas=2", "pools.fast.replicas=0"));
  ASSERT_EQ(p.tries.size(), 2u) << "one replica fewer was tried";
  EXPECT_EQ(p.tries[1].decision, Decision::misses);
  ASSERT_EQ(p.alone.size(), 2u);
  EXPECT_EQ(p.alone[0].usd_per_hour, 2);
  EXPECT_EQ(p.alone[1].usd_per_hour, 3);
}

// With one GPU of the cheap kind the fast one does all: beside it the cheap one would cost more.
TEST(Placement, UsesOnlyWhatThereIs) {
  const Placement few = placed({"placement.available={a10g: 1}"});
  ASSERT_TRUE(few.answer) << few.why_none;
  EXPECT_THAT(few.tries[*few.answer].plan.replicas, ElementsAre(0, 1));
  const Placement none = placed({"placement.available={a10g: 1, a100_sxm: 0}"});
  EXPECT_FALSE(none.answer);
  EXPECT_THAT(none.why_none, HasSubstr("the GPUs available do not carry all demands"));
  const Placement never = placed({"workload.classes[1].slo=[mean_ttft <= 3 ms]"});
  EXPECT_FALSE(never.answer);
  EXPECT_THAT(never.why_none, HasSubstr("no pool keeps the objectives of 'long' at any load"));
}

// Long ones within 19 ms are for the fast kind alone. 120 short ones beside them would take a second fast one ($6); on
// two cheap ones ($5) they need a router that does not send them any long ones.
TEST(Placement, GivesEachPartOfAModelAName) {
  const std::vector<std::string> set{"workload.request_rate=140", "workload.classes[0].weight=6",
                                     "workload.classes[1].slo=[mean_ttft <= 19 ms]"};
  const Placement p = placed(set);
  ASSERT_TRUE(p.answer) << p.why_none;
  EXPECT_THAT(p.tries[*p.answer].plan.replicas, ElementsAre(2, 1));
  EXPECT_DOUBLE_EQ(p.tries[*p.answer].plan.cost, 5);
  EXPECT_THAT(p.set, ElementsAre("pools.cheap.replicas=2", "pools.cheap.served_model_name=\"cheap\"",
                                 "pools.fast.replicas=1", "pools.fast.served_model_name=\"fast\"",
                                 "workload.classes[0].model=\"cheap\"", "workload.classes[1].model=\"fast\""));
  const Scenario again = *queues(set).with(p.set).scenario();
  EXPECT_EQ(reach_verdict(again)->overall, Decision::meets) << "what it says to set is what it judged";
}

TEST(Placement, SaysWhatCannotBePlaced) {
  const auto problem = [](std::vector<std::string> set) {
    const Question question = queues(std::move(set));
    const Result<Placement> placement = find_placement(question, *question.scenario());
    return placement ? std::string() : format(placement.error());
  };
  EXPECT_THAT(problem({"prices=null", "pools.cheap.hardware=null"}), HasSubstr("pool 'cheap' has no price"));
  EXPECT_THAT(problem({"workload.classes[0].slo=null", "workload.classes[1].slo=null"}), HasSubstr("'slo' is empty"));
  EXPECT_THAT(problem({"workload.request_rate=inf"}), HasSubstr("requests at a constant rate"));
  const Question plain{"cost: {level: affine, affine: {per_step: 1 ms}}\nworkload: {request_rate: 1}\n", "s.yaml", {}};
  EXPECT_THAT(format(find_placement(plain, *plain.scenario()).error()), HasSubstr("the scenario has no pools"));
}

}  // namespace
}  // namespace foretoken
