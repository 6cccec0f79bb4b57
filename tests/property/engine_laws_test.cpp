// Laws that need no reference: what must follow in the engine when an input changes in a known
// way. Pairs of runs share their random numbers, so that each law holds run by run.
#include <gtest/gtest.h>

#include <algorithm>

#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "property/random_workload.hpp"
#include "support/random_run.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

constexpr std::uint64_t kRuns = 50;

struct Recorded {
  Recorder seen;
  SimulationOutcome outcome;
};

Recorded run(const SimulationConfig& config, RequestSource& source, const CostModel& cost) {
  Recorded r;
  r.outcome = simulate(config, source, cost, r.seen);
  return r;
}

Recorded run(const RandomRun& r) {
  const StubCost cost(r.cost);
  const auto source = r.source();
  return run(r.config, *source, cost);
}

// ---- memory bandwidth ----

struct LoneTimes {
  Duration ttft, decode, e2e;
};

LoneTimes lone_request(const Scenario& scenario, double bandwidth_factor) {
  Deployment d = scenario.deployment;
  d.gpu.memory_bandwidth->value *= bandwidth_factor;
  SimulationConfig config;
  config.engine = scenario.engine;
  config.engine.num_gpu_blocks = 1000;  // whether the weights fit is another question
  Request request;
  request.prompt_tokens = 3000;
  request.output_tokens = request.max_tokens = 40;
  const auto source = make_fixed_source({request});
  const Recorded r = run(config, *source, *make_cost_model(d));
  const RequestRecord& record = r.seen.records.front();
  return {record.first_token - record.request.arrival, record.finish - record.first_token,
          record.finish - record.request.arrival};
}

TEST(EngineLaws, MoreMemoryBandwidthNeverSlowsALoneRequest) {
  int gpus = 0;
  for (const GpuSpec& gpu : Catalog().gpus().value()) {
    for (const char* level : {"datasheet", "roofline", "calibrated"}) {
      // A GPU without coefficients of its own borrows those of the most similar one, and its bandwidth
      // decides which that is; the law is about the same coefficients.
      if (level == std::string("calibrated") && gpu.id != "h100_sxm" && gpu.id != "b200_sxm") continue;
      SCOPED_TRACE(gpu.id + " " + level);
      const std::string text = "model: Llama-3.1-8B\nhardware: {gpu: " + gpu.id + "}\ncost: {level: " + level + "}\n";
      const auto scenario = parse_scenario(text, "law.yaml", {});
      if (!scenario || !scenario->deployment.gpu.memory_bandwidth) continue;  // no bf16, say
      ++gpus;
      LoneTimes before = lone_request(*scenario, 1);
      for (const double factor : {1.1, 2.0, 10.0}) {
        const LoneTimes after = lone_request(*scenario, factor);
        EXPECT_LE(after.ttft, before.ttft) << factor;
        EXPECT_LE(after.decode, before.decode) << factor;
        EXPECT_LE(after.e2e, before.e2e) << factor;
        before = after;
      }
    }
  }
  EXPECT_GT(gpus, 60) << "of 40 GPUs, three levels each";
}

// ---- load ----

TEST(EngineLaws, AHigherRateNeverShortensTheQueueOfOneServer) {
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    RandomWorkload random(seed);
    SimulationConfig config;
    config.engine.name = "static";
    config.engine.max_num_seqs = 1;
    config.engine.num_gpu_blocks = 1000;
    WorkloadConfig load;
    load.num_prompts = 200;
    load.lengths = {FixedLength{random.pick(1, 500)}, FixedLength{random.pick(1, 30)}, {}};
    const double burstiness = random.real(0.2, 3);
    const StubCost cost({.base = 1e-3 * random.real(0.1, 2), .per_prefill_token = 1e-6 * random.real(0, 5)});
    double before = 0;
    for (const double rate : {5.0, 20.0, 21.0, 80.0, 1000.0}) {
      load.arrivals = RenewalArrivals{rate, burstiness, false};
      const auto source = make_request_source(load, seed).value();
      const Recorded r = run(config, *source, cost);
      ASSERT_EQ(r.outcome.finished, 200);
      double queueing = 0;
      for (const RequestRecord& record : r.seen.records)
        queueing += to_seconds(record.scheduled - record.request.arrival);
      // Arrivals stand on whole nanoseconds.
      EXPECT_GE(queueing, before - 200 * 200e-9) << "seed " << seed << ", rate " << rate;
      before = queueing;
    }
    EXPECT_GT(before, 0) << seed;
  }
}

// ---- scale of time ----

// Costs in whole nanoseconds, so that multiples of them are exact.
StubTerms whole_nanoseconds(RandomStream& random, std::int64_t factor) {
  const auto ns = [&](std::int64_t low, std::int64_t high) {
    return 1e-9 * static_cast<double>(factor * random.uniform_int(low, high));
  };
  StubTerms terms;
  terms.base = ns(1'000, 2'000'000);
  terms.per_prefill_token = ns(0, 10'000);
  terms.per_row = ns(0, 10'000);
  return terms;
}

RandomRun slowed(std::uint64_t seed, std::int64_t factor) {
  RandomRun r = random_run(seed);
  RandomStream random(seed, "whole_nanoseconds");
  r.cost = whole_nanoseconds(random, factor);
  for (Request& request : r.requests) request.arrival = TimePoint{request.arrival.time_since_epoch() * factor};
  r.config.engine.max_wait *= factor;
  r.config.engine.queue_timeout *= factor;
  if (r.loop) r.loop->client_delay *= factor;
  if (r.loop && r.loop->sessions) r.loop->sessions->think_time = {false, factor * r.loop->sessions->think_time.mean};
  // Signals of replicas are published at whole nanoseconds of their own.
  r.config.cluster.routing.signal_period = r.config.cluster.routing.signal_delay = {};
  // Its ranks' counts are renewed every 100 ms, whatever steps take.
  if (r.config.engine.name == "vllm-v1") r.config.engine.data_parallel_size = 1;
  return r;
}

TEST(EngineLaws, TimesScaleWithCostsAndGaps) {
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    for (const std::int64_t k : {2, 3, 1000}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", times " << k);
      const Recorded once = run(slowed(seed, 1)), scaled = run(slowed(seed, k));
      ASSERT_EQ(scaled.seen.records.size(), once.seen.records.size());
      for (std::size_t i = 0; i < once.seen.records.size(); ++i) {
        const RequestRecord& a = once.seen.records[i];
        const RequestRecord& b = scaled.seen.records[i];
        ASSERT_EQ(b.request.index, a.request.index);
        ASSERT_EQ(b.outcome, a.outcome);
        ASSERT_EQ(b.preemptions, a.preemptions);
        ASSERT_EQ(b.finish.time_since_epoch(), a.finish.time_since_epoch() * k);
        if (a.outcome != Outcome::finished) continue;
        ASSERT_EQ(b.scheduled.time_since_epoch(), a.scheduled.time_since_epoch() * k);
        ASSERT_EQ(b.first_token.time_since_epoch(), a.first_token.time_since_epoch() * k);
      }
    }
  }
}

// ---- what is to come ----

TEST(EngineLaws, ALongerRunKeepsTheRequestsOfTheShorter) {
  std::int64_t compared = 0;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    WorkloadConfig load = RandomWorkload(seed).make();
    load.max_concurrency.reset();  // sends that wait for answers depend on the server
    load.sessions.reset();
    if (std::holds_alternative<RampArrivals>(load.arrivals)) continue;  // its rates are spread over the run
    if (auto* renewal = std::get_if<RenewalArrivals>(&load.arrivals)) renewal->vllm_rescale = false;
    WorkloadConfig longer = load;
    longer.num_prompts = *load.num_prompts * 3;
    auto a = make_request_source(load, seed), b = make_request_source(longer, seed);
    if (!a || !b) continue;  // nothing arrives within its duration
    for (; (*a)->next_arrival() != kNever; ++compared) {
      ASSERT_EQ((*b)->next_arrival(), (*a)->next_arrival()) << seed;
      const Request x = (*a)->take(), y = (*b)->take();
      ASSERT_EQ(x.prompt_tokens, y.prompt_tokens);
      ASSERT_EQ(x.output_tokens, y.output_tokens);
      ASSERT_EQ(x.class_index, y.class_index);
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST(EngineLaws, WhatIsOverDoesNotDependOnWhatComes) {
  std::int64_t compared = 0;
  for (std::uint64_t seed = 0; seed < 4 * kRuns; ++seed) {
    RandomRun whole = random_run(seed);
    if (whole.loop || whole.requests.size() < 2) continue;
    RandomRun half = whole;
    half.requests.resize(whole.requests.size() / 2);
    const TimePoint cut = whole.requests[half.requests.size()].arrival;
    const auto a = run(whole).seen.by_index(), b = run(half).seen.by_index();
    for (std::size_t i = 0; i < half.requests.size(); ++i) {
      if (a[i].finish >= cut && b[i].finish >= cut) continue;
      ++compared;
      ASSERT_EQ(a[i].outcome, b[i].outcome) << seed;
      ASSERT_EQ(a[i].replica, b[i].replica);
      ASSERT_EQ(a[i].finish, b[i].finish);
      ASSERT_EQ(a[i].first_token, b[i].first_token);
      ASSERT_EQ(a[i].e2e_parts, b[i].e2e_parts);
    }
  }
  EXPECT_GT(compared, 500);
}

// ---- replicas ----

// Simultaneous arrivals on `replicas` servers of one request each.
Duration makespan(const std::vector<Request>& requests, int replicas, const StubTerms& terms) {
  SimulationConfig config;
  config.engine.name = "static";
  config.engine.max_num_seqs = 1;
  config.engine.num_gpu_blocks = 1000;
  config.cluster.replicas = replicas;
  config.cluster.router = "round_robin";
  const auto source = make_fixed_source(requests);
  return run(config, *source, StubCost(terms)).outcome.end.time_since_epoch();
}

TEST(EngineLaws, MoreReplicasNeverLengthenTheMakespan) {
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    RandomStream random(seed, "makespan");
    const StubTerms terms = whole_nanoseconds(random, 1);
    std::vector<Request> equal(static_cast<std::size_t>(random.uniform_int(1, 60)));
    for (Request& r : equal) {
      r.prompt_tokens = 100;
      r.output_tokens = r.max_tokens = 20;
    }
    const Duration alone = makespan({equal.front()}, 1, terms);
    for (int replicas = 1; replicas <= 8; ++replicas) {
      // n requests dealt out in turn: the fullest server has n / replicas of them, rounded up.
      const auto most = (static_cast<std::int64_t>(equal.size()) + replicas - 1) / replicas;
      EXPECT_EQ(makespan(equal, replicas, terms), alone * most) << seed << ", " << replicas << " replicas";
    }
    // Of unequal requests one replica more may deal two long ones to one server; twice as many
    // only ever split what a server had.
    std::vector<Request> unequal = equal;
    for (Request& r : unequal) r.output_tokens = r.max_tokens = static_cast<std::int32_t>(random.uniform_int(1, 200));
    Duration before = makespan(unequal, 1, terms);
    for (int replicas = 2; replicas <= 16; replicas *= 2) {
      const Duration now = makespan(unequal, replicas, terms);
      EXPECT_LE(now, before) << seed << ", " << replicas << " replicas";
      before = now;
    }
  }
}

// ---- classes ----

TEST(EngineLaws, TwoEqualClassesAddUpToOne) {
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    RandomWorkload random(seed);
    Scenario s;
    s.seed = seed;
    s.deployment.level = CostLevel::affine;
    s.deployment.affine.per_step = 1e-3 * random.real(1, 20);
    s.deployment.affine.per_prefill_token = 1e-6 * random.real(0, 100);
    s.engine.num_gpu_blocks = 1000;
    s.engine.max_num_seqs = random.pick(1, 50);
    s.workload.num_prompts = 150;
    s.workload.arrivals = RenewalArrivals{random.real(1, 50), random.real(0.2, 3), false};
    s.workload.lengths = {FixedLength{random.pick(1, 300)}, FixedLength{random.pick(1, 60)}, {}};
    const auto one = run_scenario(s);
    s.workload.classes = {{"a", 1, s.workload.lengths, {}, 0, {}},
                          {"b", random.real(0.1, 5), s.workload.lengths, {}, 0, {}}};
    const auto two = run_scenario(s);
    ASSERT_TRUE(one && two);
    ASSERT_EQ(two->summary.entries.size(), one->summary.entries.size());
    for (const SummaryEntry& e : one->summary.entries) {
      EXPECT_EQ(two->summary[e.key], e.value) << e.key << ", seed " << seed;
    }
    double completed = 0;
    for (const NamedSummary& c : two->classes) completed += c.summary["completed"];
    EXPECT_EQ(completed, 150);
  }
}

}  // namespace
}  // namespace foretoken::test
