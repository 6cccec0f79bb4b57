// Studies of deployments whose pools come and go, and of fleets that scale themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <numeric>

#include "foretoken/study/recommend.hpp"
#include "report/bill_report.hpp"
#include "study/bill/bill.hpp"
#include "study/capacity/promise.hpp"
#include "study/requests/slow_requests.hpp"
#include "study/sensitivity/sensitivity.hpp"

namespace foretoken {
namespace pool_fleets_test {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// 130 prompts a second of 11 ms each are more than the first replica computes. At 15 s, the first sync that sees them
// all, more are ordered, and 5 s later they are there; what came before waits where it is.
const char* const kScaled = R"(
engine: {name: vllm-v1, num_gpu_blocks_override: 200000, max_num_seqs: 64}
cost: {level: affine, affine: {per_step: 1 ms, per_prefill_token: 100 us}}
disaggregation: {setup: 5 ms}
pools:
  - name: prefill
    role: prefill
    replicas: 1
    fleet:
      max_replicas: 4
      cold_start: {node: 0 s, image: 0 s, load: 5 s, warm: 0 s, jitter: 0}
      autoscaler: {policy: hpa, target: 4, metric_age: 0 s}
  - {name: decode, role: decode, replicas: 2, cost: {affine: {per_step: 10 ms}}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 4000, request_rate: 130}
prices: {gpu_hour: 2}
slo: [p99_ttft <= 30 s]
)";

Question asks(std::vector<std::string> set = {}) {
  return {kScaled, "s.yaml", {std::move(set), {}}};
}
Scenario resolved(const Question& question) {
  const Result<Scenario> s = question.scenario();
  if (!s) throw std::runtime_error(format(s.error()));
  return *s;
}
RunOptions one_thread() {
  RunOptions options;
  options.threads = 1;
  return options;
}

RequestExplanation explained(const Question& question) {
  const Result<RequestExplanation> e =
      explain_requests(question, resolved(question), *parse_request_selector("p99"), RequestMetric::ttft, one_thread());
  if (!e) throw std::runtime_error(format(e.error()));
  std::cout << e->sentence << " -> " << e->advice << "\n";
  std::int64_t causes = 0;
  for (const CauseShare& c : causes_of(e->selected)) causes += c.ns;
  EXPECT_EQ(causes, e->selected.total) << "INV-12";
  return *e;
}

// The slowest come while the others still load: what helps is one more from the beginning.
TEST(PoolFleetsRequests, WaitWhileReplicasLoad) {
  const RequestExplanation e = explained(asks());
  EXPECT_GE(e.ready_then, 3) << "of both pools together";
  EXPECT_LE(e.ready_then, 6);
  EXPECT_THAT(e.sentence, HasSubstr("pool prefill computes"));
  EXPECT_THAT(e.sentence, HasSubstr("replicas were ready then"));
  std::vector<std::string> tried;
  for (const KnobTrial& t : e.tried) tried.push_back(t.change);
  EXPECT_THAT(tried, Contains("pools.prefill.fleet.autoscaler.min_replicas 1 -> 2"));
  EXPECT_THAT(tried, Contains("pools.prefill.fleet.autoscaler.target 4 -> 3.2"));
  EXPECT_THAT(tried, Not(Contains(HasSubstr("pools.prefill.replicas"))));
  EXPECT_EQ(e.knob, "pools.prefill.fleet.autoscaler.min_replicas");
}

// The only one that prefills dies at 1 s, and another is there 6 s later: a part of its own, and the cause.
TEST(PoolFleetsRequests, NameTheWaitForAReplica) {
  const RequestExplanation e =
      explained(asks({"pools.prefill.fleet={failures: [{at: 1 s, replica: 0}], repair: 1 s, cold_start: {node: 0 s, "
                      "image: 0 s, load: 5 s, warm: 0 s, jitter: 0}}",
                      "workload.request_rate=5", "workload.num_prompts=100"}));
  EXPECT_EQ(e.cause, Cause::replica);
  EXPECT_THAT(e.sentence, HasSubstr("was the wait for a replica: none was ready"));
  const std::int64_t waited = e.selected.parts[static_cast<std::size_t>(AttributionPart::fleet_wait)];
  EXPECT_GT(waited, 5'000'000'000);
  EXPECT_LE(waited, 6'000'000'000);
}

// One prefill replica all day and two more from 8 to 16 h are 40 hours, two that decode 48: at 2 $ each.
TEST(PoolFleetsBill, IsOfWhatEachPoolPaid) {
  std::string day = "[1";
  for (int hour = 1; hour < 24; ++hour) day += ", 1";
  const Question question =
      asks({"prices.load_profile=" + day + "]", "prices.capacity_per_replica=10", "workload.request_rate=0.05",
            "pools.prefill.fleet={period: 24 h, schedule: [{at: 0 h, replicas: 1}, {at: 8 h, replicas: 3}, {at: 16 h, "
            "replicas: 1}]}"});
  const Result<Bill> still = monthly_bill(resolved(without_fleet(question, resolved(question))));
  ASSERT_TRUE(still) << format(still.error());
  Bill bill = *still;
  const Result<FleetBill> week = bill_of_fleet(question, bill, one_thread());
  ASSERT_TRUE(week) << format(week.error());
  const double expected = (40 + 48) * 365.25 / 12 * 2;
  EXPECT_NEAR(week->usd_per_month, expected, 0.005 * expected);
  EXPECT_EQ(week->least_replicas, 3);
  EXPECT_EQ(week->most_replicas, 5);
  EXPECT_TRUE(std::isnan(week->used_share)) << "no one figure says what a replica of several pools serves";
  EXPECT_EQ(week->unserved_share, 0);
  bill.as_given = *week;
  bill.scenario = resolved(question);
  EXPECT_THAT(to_text(bill, {}), HasSubstr("simulated through these hours"));
}

// Both keep a limit of 30 s; the one that scales up more is paid for. Places that nobody took cost nothing.
TEST(PoolFleetsRecommend, ComparesWhatWasPaid) {
  RecommendQuestion question{asks({"recommend.over={pools.prefill.fleet.max_replicas: [2, 4]}"}), {}};
  question.base = resolved(question.asked);
  RecommendOptions options;
  options.run = one_thread();
  const Result<RecommendResult> r = recommend(question, options);
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_EQ(r->ranked.size(), 2u);
  EXPECT_EQ(r->ranked[0].values.front(), "2");
  const double few = *r->ranked[0].cost.usd_per_hour, many = *r->ranked[1].cost.usd_per_hour;
  EXPECT_LT(few, many);
  EXPECT_GT(few, 3 * 2) << "one that prefills and two that decode are there all the time";
  EXPECT_LT(few, (2 + 2) * 2);
  EXPECT_LT(many, (4 + 2) * 2);
}

TEST(PoolFleetsRecommend, AsksForADomain) {
  RecommendQuestion question{asks(), resolved(asks())};
  const Result<RecommendResult> r = recommend(question, {});
  ASSERT_FALSE(r);
  EXPECT_THAT(format(r.error()), HasSubstr("what a fleet costs follows from its run"));
}

const LeverEffect& lever(const SensitivityStudy& s, const std::string& name) {
  for (const LeverEffect& l : s.levers) {
    if (l.name == name) return l;
  }
  throw std::runtime_error("no lever " + name);
}

// The tail waits for the first cold start: its length is a lever of its pool, and the load moves it more than in
// proportion, as what is left over piles up until then.
TEST(PoolFleetsSensitivity, MovesTheFleetOfAPool) {
  SensitivityOptions options;
  options.metric = "p99_ttft_ms";
  options.run = one_thread();
  const Result<SensitivityStudy> study = study_sensitivity(resolved(asks()), options);
  ASSERT_TRUE(study) << format(study.error());
  const LeverEffect& start = lever(*study, "prefill: cold start");
  EXPECT_EQ(start.group, LeverGroup::fleet);
  EXPECT_EQ(start.now, 5);
  EXPECT_TRUE(start.certain);
  EXPECT_GT(start.elasticity, 0.1);
  EXPECT_GT(lever(*study, "request rate").elasticity, 1);
  EXPECT_THROW((void)lever(*study, "decode: cold start"), std::runtime_error) << "it stays";
  EXPECT_THROW((void)lever(*study, "prefill: fleet.mtbf"), std::runtime_error) << "nothing fails";
}

// More of a longer prompt's load is carried with replicas that may come than without them.
TEST(PoolFleetsPromise, IsOfRunsInWhichReplicasCome) {
  const auto most = [](std::vector<std::string> set) {
    set.insert(set.end(), {"slo=[p99_ttft <= 5 s]", "promise.input_len=[100]", "promise.output_len=[50]",
                           "promise.precision=0.3"});
    const Question question = asks(std::move(set));
    const Result<PromiseResult> r = find_promises(question, resolved(question), one_thread());
    if (!r) throw std::runtime_error(format(r.error()));
    EXPECT_EQ(r->cells.size(), 1u);
    EXPECT_TRUE(r->cells.front().capacity) << r->cells.front().reason;
    return r->cells.front().capacity.value_or(0);
  };
  const double comes = most({}), stays = most({"pools.prefill.fleet=null"});
  std::cout << comes << " requests/s, without the fleet " << stays << "\n";
  EXPECT_LT(stays, 1.1 / 0.011) << "one prompt takes 11 ms of the only replica";
  EXPECT_GT(comes, stays);
}

}  // namespace pool_fleets_test
}  // namespace foretoken
