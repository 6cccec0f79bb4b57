// Verdicts on an M/M/1 queue, whose sojourn time is exponential with mean S / (1 - rho).
#include "foretoken/experiment/verdict.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

namespace foretoken {
namespace {

// One seat, one output token: a request is one prefill of prompt x 10 µs. The exponential rounded up to
// whole tokens has mean 1 / (1 - exp(-1/1000)).
const double kService = 1e-5 / (1 - std::exp(-1e-3));

Scenario mm1(double rho, std::int64_t requests, const std::string& objective) {
  Scenario s;
  s.name = "mm1";
  s.deployment.level = CostLevel::affine;
  s.deployment.affine.per_prefill_token = 1e-5;
  s.engine.max_num_seqs = 1;
  s.engine.max_model_len = 2'000'000;
  s.engine.max_num_batched_tokens = 2'000'000;
  s.engine.num_gpu_blocks = 1'000'000;
  s.workload.arrivals = RenewalArrivals{rho / kService, 1, false};
  s.workload.num_prompts = requests;
  s.workload.lengths.input = ExponentialLength{1000};
  s.workload.lengths.output = FixedLength{1};
  s.slo = {*parse_slo_line(objective, {})};
  return s;
}

double mean_sojourn_ms(double rho) {
  return kService / (1 - rho) * 1e3;
}
double p99_sojourn_ms(double rho) {
  return -std::log(0.01) * mean_sojourn_ms(rho);
}
std::string at_most(const char* metric, double ms) {
  return std::string(metric) + " <= " + std::to_string(ms) + " ms";
}

Verdict verdict_of(const Scenario& s, int threads = 2) {
  RunOptions options;
  options.threads = threads;
  return reach_verdict(s, options).value();
}

TEST(ReachVerdict, MeetsALimitAboveAndMissesOneBelowTheKnownAnswer) {
  for (const char* metric : {"mean_ttft", "p99_ttft"}) {
    const double truth = metric[0] == 'm' ? mean_sojourn_ms(0.5) : p99_sojourn_ms(0.5);
    const Verdict above = verdict_of(mm1(0.5, 5000, at_most(metric, 1.1 * truth)));
    const Verdict below = verdict_of(mm1(0.5, 5000, at_most(metric, 0.9 * truth)));
    std::cout << metric << ": theory " << truth << " ms, simulated " << above.objectives[0].interval.value << " ["
              << above.objectives[0].interval.low << ", " << above.objectives[0].interval.high << "] after "
              << above.replications << " replications\n";
    EXPECT_EQ(above.overall, Decision::meets);
    EXPECT_EQ(below.overall, Decision::misses);
    EXPECT_TRUE(above.objectives[0].steady_state);
    EXPECT_GT(above.objectives[0].margin, 0);
    EXPECT_FALSE(above.steady.overloaded);
  }
}

TEST(ReachVerdict, IsNotDecidedOnTheLimitItselfWithinItsBudget) {
  Scenario s = mm1(0.5, 1000, at_most("mean_ttft", mean_sojourn_ms(0.5)));
  s.study.max_replications = 10;
  const Verdict verdict = verdict_of(s);
  EXPECT_EQ(verdict.overall, Decision::not_decided);
  EXPECT_EQ(verdict.replications, 10);
  EXPECT_NE(verdict.objectives[0].reason.find("10 replications"), std::string::npos);
}

// The limit is the truth, so either decision is wrong: all looks together may err in 5 % of the studies.
TEST(ReachVerdict, ErrsNoMoreOftenThanItsConfidenceThoughItLooksRepeatedly) {
  constexpr int kStudies = 100;
  int wrong = 0;
  for (int i = 0; i < kStudies; ++i) {
    Scenario s = mm1(0.3, 1000, at_most("mean_ttft", mean_sojourn_ms(0.3)));
    s.seed = static_cast<std::uint64_t>(1000 + i);
    s.study.max_replications = 20;
    wrong += verdict_of(s).overall != Decision::not_decided ? 1 : 0;
  }
  const double most = 0.05 + 3.3 * std::sqrt(0.05 * 0.95 / kStudies);
  std::cout << wrong << " of " << kStudies << " studies decided on the limit itself; allowed " << most * kStudies
            << "\n";
  EXPECT_LE(wrong, most * kStudies);
}

TEST(ReachVerdict, SaysThatTheBacklogGrowsWhenTheLoadExceedsTheCapacity) {
  const double rho = 1.4;
  const Verdict verdict = verdict_of(mm1(rho, 5000, "p99_ttft <= 1 h"));
  const double theory = (rho - 1) / kService;
  std::cout << "backlog grows by " << verdict.steady.backlog_growth.value << "/s, theory lambda - mu = " << theory
            << "\n";
  EXPECT_TRUE(verdict.steady.overloaded);
  EXPECT_NEAR(verdict.steady.backlog_growth.value, theory, 0.1 * theory);
  EXPECT_EQ(verdict.overall, Decision::misses) << "an hour is not reached in this run, but in time";
  EXPECT_NE(verdict.objectives[0].reason.find("no steady state"), std::string::npos);
}

TEST(ReachVerdict, DoesNotCallABusyQueueOverloaded) {
  for (const double rho : {0.3, 0.8, 0.9}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      Scenario s = mm1(rho, 5000, "p99_ttft <= 1 h");
      s.seed = seed;
      const Verdict verdict = verdict_of(s);
      EXPECT_FALSE(verdict.steady.overloaded) << rho << ", growth " << verdict.steady.backlog_growth.value;
      EXPECT_EQ(verdict.overall, Decision::meets);
    }
  }
}

// Throughput saturates at mu and has a steady state of its own under overload.
TEST(ReachVerdict, JudgesThroughputUnderOverloadByItsInterval) {
  const double mu = 1 / kService;
  Scenario s = mm1(1.5, 4000, "request_throughput >= " + std::to_string(0.95 * mu));
  EXPECT_EQ(verdict_of(s).overall, Decision::meets);
  s = mm1(1.5, 4000, "request_throughput >= " + std::to_string(1.05 * mu));
  EXPECT_EQ(verdict_of(s).overall, Decision::misses);
}

TEST(ReachVerdict, GoesOnUntilAFigureIsKnownCloselyEnough) {
  Scenario s = mm1(0.5, 2000, "mean_ttft <= 1 h");
  s.study.until = {*parse_precision_goal("mean_ttft +- 2 %", {})};
  const Verdict verdict = verdict_of(s);
  ASSERT_EQ(verdict.precision.size(), 1u);
  EXPECT_TRUE(verdict.precision[0].reached);
  EXPECT_LE(verdict.precision[0].interval.half_width(), 0.02 * verdict.precision[0].interval.value);
  EXPECT_GE(verdict.replications, 32);
  s.study.max_replications = 40;
  EXPECT_FALSE(verdict_of(s).precision[0].reached);
}

TEST(ReachVerdict, IsTheSameOnAnyNumberOfThreads) {
  const Scenario s = mm1(0.6, 2000, at_most("p99_ttft", 1.02 * p99_sojourn_ms(0.6)));
  const Verdict one = verdict_of(s, 1), four = verdict_of(s, 4);
  EXPECT_EQ(one.samples, four.samples);
  EXPECT_EQ(one.objectives[0].interval, four.objectives[0].interval);
  EXPECT_EQ(one.replications, four.replications);
}

TEST(ReachVerdict, DoesNotDependOnTheNumberOfPromptsOfTheScenario) {
  const std::string objective = at_most("p99_ttft", 1.2 * p99_sojourn_ms(0.9));
  const Verdict few = verdict_of(mm1(0.9, 200, objective)), many = verdict_of(mm1(0.9, 100'000, objective));
  EXPECT_EQ(few.samples, many.samples);
  EXPECT_EQ(few.overall, many.overall);
  EXPECT_EQ(few.overall, Decision::meets);
}

// Answers of 1,500 tokens on 256 seats that give 256 tokens in 56 ms: 3.04 requests/s. A run of 300 requests ends
// before the seats are full.
TEST(ReachVerdict, MissesAnOverloadWhoseSeatsFillLate) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Scenario s = mm1(0.5, 300, "p99_ttft <= 500 ms");
    s.seed = seed;
    s.deployment.affine = {.per_step = 5e-3, .per_prefill_token = 1e-5, .per_decode_token = 2e-4};
    s.engine.max_num_seqs = 256;
    s.workload.arrivals = RenewalArrivals{4, 1, false};
    s.workload.lengths.input = FixedLength{300};
    s.workload.lengths.output = FixedLength{1500};
    const Verdict verdict = verdict_of(s);
    EXPECT_EQ(verdict.overall, Decision::misses) << "seed " << seed;
    ASSERT_TRUE(verdict.steady.stability_limit) << "seed " << seed;
    EXPECT_NEAR(verdict.steady.stability_limit->value, 3.04, 0.1);
  }
}

// At a glance or not, a search and a check come to the same.
TEST(ReachVerdict, ComesToTheSameDecisionWhereOnlyThatCounts) {
  VerdictHints hints;
  hints.decision_only = true;
  for (const double share : {0.8, 1.25}) {
    const Scenario s = mm1(0.7, 1000, at_most("p99_ttft", share * p99_sojourn_ms(0.7)));
    const Verdict at_a_glance = reach_verdict(s, {}, {}, hints).value();
    EXPECT_EQ(at_a_glance.overall, verdict_of(s).overall);
    EXPECT_NE(at_a_glance.overall, Decision::not_decided);
  }
  const Scenario far = mm1(0.7, 1000, at_most("p99_ttft", 10 * p99_sojourn_ms(0.7)));
  EXPECT_LT(reach_verdict(far, {}, {}, hints)->requests, verdict_of(far).requests / 3);
}

TEST(ReachVerdict, GivesUpEarlyOnTheLimitItselfWhereOnlyTheDecisionCounts) {
  VerdictHints hints;
  hints.decision_only = true;
  int gave_up = 0, otherwise_decided = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Scenario s = mm1(0.5, 1000, at_most("mean_ttft", mean_sojourn_ms(0.5)));
    s.seed = seed;
    s.study.max_replications = 128;
    const Verdict verdict = reach_verdict(s, {}, {}, hints).value();
    if (verdict.overall != Decision::not_decided || verdict.replications == 128) continue;
    ++gave_up;
    EXPECT_NE(verdict.objectives[0].reason.find("most likely after the 128 of the budget"), std::string::npos)
        << verdict.objectives[0].reason;
    otherwise_decided += verdict_of(s).overall != Decision::not_decided ? 1 : 0;
  }
  std::cout << gave_up << " of 12 gave up; " << otherwise_decided << " of these the budget would have decided\n";
  EXPECT_GE(gave_up, 4);
  EXPECT_LE(otherwise_decided, 1);
}

TEST(ReachVerdict, CannotDecideWithABudgetOfOneReplication) {
  Scenario s = mm1(0.5, 1000, "mean_ttft <= 1 h");
  s.study.max_requests = 1500;
  const Verdict verdict = verdict_of(s);
  EXPECT_EQ(verdict.replications, 1);
  EXPECT_EQ(verdict.overall, Decision::not_decided);
  EXPECT_NE(verdict.objectives[0].reason.find("max_requests"), std::string::npos);
}

TEST(ReachVerdict, JudgesWholeRunsWhereThereIsNoSteadyState) {
  Scenario s = mm1(0.5, 500, "mean_ttft <= 1 h");
  s.workload.arrivals = AllAtOnceArrivals{};
  const Verdict verdict = verdict_of(s);
  EXPECT_FALSE(verdict.steady.exists);
  EXPECT_FALSE(verdict.objectives[0].steady_state);
  EXPECT_EQ(verdict.overall, Decision::meets);
}

TEST(ReachVerdict, MissesWhenNoRequestHasTheFigure) {
  const Verdict verdict = verdict_of(mm1(0.5, 500, "p99_tpot <= 1 h"));
  EXPECT_EQ(verdict.overall, Decision::misses) << "one output token has no TPOT";
  EXPECT_NE(verdict.objectives[0].reason.find("no request"), std::string::npos);
}

std::vector<RequestClass> two_tenants(const Scenario& s, double urgent, double patient) {
  std::vector<RequestClass> classes(2);
  classes[0].name = "urgent", classes[0].weight = urgent;
  classes[1].name = "patient", classes[1].weight = patient, classes[1].priority = 1;
  for (RequestClass& c : classes) c.lengths = s.workload.lengths;
  return classes;
}

// Two tenants, of whom one comes first whenever the server is free (Cobham 1954): with W0 = rho S, the mean residual
// service of an M/M/1, they wait W0 / (1 - rho_1) and W0 / ((1 - rho_1) (1 - rho)).
TEST(ReachVerdict, JudgesAClassByItsOwnRequests) {
  constexpr double kUrgent = 0.2, kRho = 0.6;
  Scenario s = mm1(kRho, 5000, "p99_ttft <= 1 s");
  s.slo.clear();
  s.engine.scheduling_policy = "priority";
  s.workload.classes = two_tenants(s, kUrgent, kRho - kUrgent);
  const double w0 = kRho * kService * 1e3, first = w0 / (1 - kUrgent), second = first / (1 - kRho);
  const auto line = [&](const char* of, double ms) {
    s.slo.push_back(*parse_slo_line(fmt::format("mean_queue_time of {} <= {:.6f} ms", of, ms), {}));
  };
  for (const double share : {0.9, 1.1}) line("urgent", share * first), line("patient", share * second);
  const Verdict v = verdict_of(s);
  for (std::size_t i = 0; i < 4; ++i) {
    std::cout << s.slo[i].expression << ": " << v.objectives[i].interval.low << " to " << v.objectives[i].interval.high
              << " ms\n";
    EXPECT_EQ(v.objectives[i].decision, i < 2 ? Decision::misses : Decision::meets) << s.slo[i].expression;
    EXPECT_TRUE(v.objectives[i].steady_state);
  }
}

// With three in four of the load first served, the others' queue grows without end, and theirs alone.
TEST(ReachVerdict, DoesNotBlameAClassForTheBacklogOfAnother) {
  Scenario s = mm1(1.25, 5000, "mean_queue_time of urgent <= 100 s");
  s.engine.scheduling_policy = "priority";
  s.workload.classes = two_tenants(s, 0.5, 0.75);
  s.slo.push_back(*parse_slo_line("mean_queue_time of patient <= 50 ms", {}));
  EXPECT_FALSE(depends_on_backlog(s, s.slo[0]));
  s.study.max_requests = 200'000;
  const Verdict v = verdict_of(s);
  EXPECT_NE(v.objectives[0].decision, Decision::misses) << v.objectives[0].reason;
  EXPECT_EQ(v.objectives[1].decision, Decision::misses);
  s.engine.scheduling_policy = "fcfs";
  EXPECT_TRUE(depends_on_backlog(s, s.slo[0])) << "all stand in one queue";
}

}  // namespace
}  // namespace foretoken
