// The contract of batching policies, kept by every row of the table; and faulty policies,
// each of which the checker must report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "contract/batching_trial.hpp"
#include "serving/engines/engine_profile.hpp"
#include "support/random_run.hpp"

namespace foretoken::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Rows that batch whole prompts without a token budget, by their own rules; any other row keeps it.
bool keeps_token_budget(std::string_view name) {
  return name != "orca" && name != "static" && name != "sglang";
}

std::vector<PolicyUnderTest> every_row() {
  std::vector<PolicyUnderTest> all;
  for (const EngineProfile& row : engine_profiles()) {
    const std::string name(row.info.name);
    all.push_back({name,
                   {row.blocks, row.stores_whole_contexts},
                   keeps_token_budget(name),
                   [make = row.make] { return make(); },
                   row.last_row});
  }
  return all;
}

std::string test_name(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

// Random engines and loads of an open loop; nobody gives up, nobody is turned away.
Trial random_trial(std::uint64_t seed) {
  RandomRun run = random_run(seed);
  while (run.loop) run = random_run(seed += 1'000'000);
  Trial trial{run.config.engine, run.cost, run.requests};
  trial.engine.async_scheduling = false;
  trial.engine.queue_timeout = {};
  trial.engine.max_waiting_requests = 0;
  for (Request& r : trial.requests) r.max_tokens = 300;
  return trial;
}

Trial uniform_trial(std::int32_t prompt, std::int32_t output, int count, Duration gap) {
  Trial trial;
  trial.engine.max_model_len = 512;
  trial.engine.num_gpu_blocks = 1000;
  trial.engine.max_num_seqs = 8;
  trial.engine.max_num_batched_tokens = 64;
  for (int i = 0; i < count; ++i) {
    Request r;
    r.index = i;
    r.arrival = TimePoint{gap * i};
    r.prompt_tokens = prompt;
    r.output_tokens = output;
    r.max_tokens = 2 * output;
    trial.requests.push_back(r);
  }
  return trial;
}

class BatchingContract : public ::testing::TestWithParam<PolicyUnderTest> {};

TEST_P(BatchingContract, IsKeptOnRandomLoads) {
  std::size_t calls = 0;
  std::int64_t preemptions = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const TrialReport report = check_contract(GetParam(), random_trial(seed));
    ASSERT_THAT(report.violations, IsEmpty()) << "seed " << seed;
    calls += report.plans.size();
    preemptions += report.preemptions;
  }
  std::cout << calls << " plans checked, " << preemptions << " preemptions\n";
}

TEST_P(BatchingContract, IsKeptWithAsyncScheduling) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Trial trial = random_trial(seed);
    trial.engine.async_scheduling = true;
    if (seed % 2 == 0) {
      for (Request& r : trial.requests) r.max_tokens = r.output_tokens;  // ends that an engine can foresee
    }
    ASSERT_THAT(check_contract(GetParam(), trial).violations, IsEmpty()) << "seed " << seed;
  }
}

TEST_P(BatchingContract, IsKeptWithOneTokenPromptsAndOutputs) {
  for (const Duration gap : {Duration{0}, Duration{1}, Duration{1'000'000}, Duration{700'000}}) {
    EXPECT_THAT(check_contract(GetParam(), uniform_trial(1, 1, 100, gap)).violations, IsEmpty());
    EXPECT_THAT(check_contract(GetParam(), uniform_trial(1, 200, 30, gap)).violations, IsEmpty());
    EXPECT_THAT(check_contract(GetParam(), uniform_trial(300, 1, 30, gap)).violations, IsEmpty());
  }
}

TEST_P(BatchingContract, IsKeptWithOneSeatAndWithMoreSeatsThanRequests) {
  for (const std::int64_t seats : {1, 1000}) {
    Trial trial = uniform_trial(40, 25, 40, Duration{3'000'000});
    trial.engine.max_num_seqs = seats;
    EXPECT_THAT(check_contract(GetParam(), trial).violations, IsEmpty()) << seats << " seats";
  }
}

// Blocks for a little more than one request of the longest kind: policies that grow must preempt.
TEST_P(BatchingContract, IsKeptWhenKvBlocksHardlySuffice) {
  std::int64_t preemptions = 0;
  for (const bool gate : {false, true}) {
    Trial trial = uniform_trial(60, 150, 40, Duration{5'000'000});
    trial.engine.max_model_len = 240;
    trial.engine.num_gpu_blocks = 1 + 15 + 3;
    trial.engine.scheduler_reserve_full_isl = gate;
    trial.engine.capacity_scheduler_policy = "MAX_UTILIZATION";
    const TrialReport report = check_contract(GetParam(), trial);
    EXPECT_THAT(report.violations, IsEmpty());
    preemptions += report.preemptions;
  }
  if (GetParam().kv.blocks == BlockPolicy::reserve)
    EXPECT_EQ(preemptions, 0) << "all blocks are held from the start";
  else if (GetParam().name == "sglang")
    EXPECT_EQ(preemptions, 0) << "a second request of 180 tokens is not let in";
  else
    EXPECT_GT(preemptions, 0) << "blocks were to run out";
}

INSTANTIATE_TEST_SUITE_P(EveryRow, BatchingContract, ::testing::ValuesIn(every_row()),
                         [](const auto& each) { return test_name(each.param.name); });

// ---- faulty policies: iteration-level batching of whole prompts with one thing wrong ----

class Simple : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    while (s.waiting().head() != nullptr && s.running() < seats(s)) {
      const RequestId id = call.admit();
      plan.chunks.push_back({id, s[id].known_tokens()});
    }
  }
  bool may_change_plan(const SchedulerState& s) const override { return s.running() < seats(s); }
  bool can_serve(const SchedulerState&, const Request&) const override { return true; }

 protected:
  virtual std::int64_t seats(const SchedulerState& s) const { return s.config.max_num_seqs; }
};

class TooManySeats final : public Simple {
  std::int64_t seats(const SchedulerState& s) const override { return s.config.max_num_seqs + 1; }
};

class PlansTwice final : public Simple {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    Simple::schedule(call, plan);
    if (!plan.chunks.empty()) plan.chunks.push_back(plan.chunks.front());
  }
};

class ComputesTooMuch final : public Simple {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    Simple::schedule(call, plan);
    for (auto& chunk : plan.chunks) ++chunk.tokens;
  }
};

class Lazy final : public Simple {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    if (call.state.running() > 0 || call.state.waiting().size() > 1) Simple::schedule(call, plan);
  }
};

// Asks to be called again for ever.
class Restless final : public Simple {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    Simple::schedule(call, plan);
    plan.once = true;
  }
};

class KnowsTheFuture final : public Simple {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    const Waiting* head = call.state.waiting().head();
    if (head != nullptr && call.state.running() > 0 && head->request.output_tokens > 26) return;
    Simple::schedule(call, plan);
  }
};

// Counts its calls, so its answer is no function of the state.
class Moody final : public Simple {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    if (++calls_ % 3 != 0 || call.state.running() == 0) Simple::schedule(call, plan);
  }

 private:
  std::int64_t calls_ = 0;
};

class DeniesThatArrivalsMatter final : public Simple {
 public:
  bool may_change_plan(const SchedulerState&) const override { return false; }
};

class RefusesLongPrompts final : public Simple {
 public:
  bool can_serve(const SchedulerState&, const Request& r) const override { return r.prompt_tokens < 40; }
};

template <class Policy>
PolicyUnderTest faulty(BlockPolicy blocks = BlockPolicy::reserve) {
  return {"faulty", {blocks}, false, [] { return std::make_unique<Policy>(); }};
}

std::string complaint(const PolicyUnderTest& policy, const Trial& trial) {
  const TrialReport report = check_contract(policy, trial);
  return report.violations.empty() ? "nothing" : report.violations.front();
}

TEST(BatchingContractChecker, ReportsEachFaultyPolicy) {
  const Trial trial = uniform_trial(40, 25, 40, Duration{2'500'000});
  ASSERT_EQ(complaint(faulty<Simple>(), trial), "nothing") << "the policy that the faulty ones start from";
  EXPECT_THAT(complaint(faulty<TooManySeats>(), trial), HasSubstr("9 run of max_num_seqs 8"));
  EXPECT_THAT(complaint(faulty<PlansTwice>(), trial), HasSubstr("request 0 is planned twice"));
  EXPECT_THAT(complaint(faulty<ComputesTooMuch>(), trial), HasSubstr("41 of 40 tokens"));
  EXPECT_THAT(complaint(faulty<Lazy>(), trial), HasSubstr("idles with a request in the queue"));
  EXPECT_THAT(complaint(faulty<Restless>(), trial), HasSubstr("called again although nobody was evicted"));
  EXPECT_THAT(complaint(faulty<KnowsTheFuture>(), trial), HasSubstr("depends on true output lengths"));
  EXPECT_THAT(complaint(faulty<Moody>(), trial), HasSubstr("although nothing happened"));
  EXPECT_THAT(complaint(faulty<DeniesThatArrivalsMatter>(), trial), HasSubstr("although nothing happened"));
  EXPECT_THAT(complaint(faulty<RefusesLongPrompts>(), trial), HasSubstr("refused although it fits"));
}

TEST(BatchingContractChecker, ReportsAPolicyThatIgnoresBudgetOrBlocks) {
  const Trial trial = uniform_trial(40, 25, 40, Duration{2'500'000});
  PolicyUnderTest spends = faulty<Simple>();
  spends.keeps_token_budget = true;
  Trial burst = uniform_trial(40, 25, 2, Duration{0});
  EXPECT_THAT(complaint(spends, burst), HasSubstr("80 tokens of max_num_batched_tokens 64"));
  EXPECT_THAT(complaint(faulty<Simple>(BlockPolicy::grow), trial), HasSubstr("lacks blocks"));
}

}  // namespace
}  // namespace foretoken::test
