// An engine is added by a row of the table, here in this file: the scenario reads it, the simulation runs it, and no
// advice names another engine's knob.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "foretoken/experiment/run.hpp"
#include "report/launch_lines.hpp"
#include "serving/batching/batching_policy.hpp"
#include "serving/engines/engine_profile.hpp"
#include "serving/engines/launch_line.hpp"
#include "study/check/fixes.hpp"
#include "study/requests/knob_changes.hpp"

namespace foretoken {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// One request at a time, its prompt in pieces.
class OneByOne final : public BatchingPolicy {
 public:
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    if (s.running() == 0 && s.waiting().head() != nullptr) {
      const RequestId id = call.admit();
      s.take_blocks(id, s[id].known_tokens() + s[id].request.max_tokens);
    }
    for (const RequestId id : s.prefilling())
      plan.chunks.push_back({id, std::min(s[id].known_tokens() - s[id].cached, s.config.max_prefill_tokens)});
  }
  bool may_change_plan(const SchedulerState&) const override { return false; }
  bool can_serve(const SchedulerState& s, const Request& request) const override {
    return s.committed_blocks(request) <= s.config.usable_blocks();
  }
};

std::unique_ptr<BatchingPolicy> make_one_by_one() {
  return std::make_unique<OneByOne>();
}

void read_one_by_one(EngineKnobs& knobs, EngineSetting& setting) {
  setting.engine.max_num_seqs = knobs.integer("engine.max_num_seqs", {1, "one by one"});
  setting.engine.max_prefill_tokens = setting.engine.max_num_batched_tokens =
      knobs.integer("engine.max_prefill_tokens");
}
double read_one_by_one_share(EngineKnobs& knobs, const EngineSetting&) {
  return knobs.number("engine.mem_fraction_static", {0.5, "half"});
}
std::string one_by_one_line(const LaunchRequest& launch) {
  LaunchLine line("one-by-one " + launch.model);
  line.flag("--prefill", launch.engine.max_prefill_tokens);
  return line.take();
}

EngineProfile one_by_one() {
  static constexpr std::string_view kReleases[] = {"1.0", "2.0"};
  static constexpr std::string_view kKnobs[] = {"engine.max_prefill_tokens", "engine.mem_fraction_static"};
  EngineProfile p;
  p.info = {"one-by-one", "one request at a time"};
  p.make = make_one_by_one;
  p.blocks = BlockPolicy::reserve;
  p.default_release = "2.0";
  p.releases = kReleases;
  p.token_budget = {"engine.max_prefill_tokens", &EngineConfig::max_prefill_tokens, false};
  p.memory_share = {"engine.mem_fraction_static"};
  p.own_knobs = kKnobs;
  p.read_batch = read_one_by_one;
  p.read_memory_share = read_one_by_one_share;
  p.captured_rows = captured_by_seats;
  p.launch_line = one_by_one_line;
  return p;
}

std::string text(const std::string& engine) {
  return "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {" + engine +
         "}\nworkload: {random_input_len: 1000, random_output_len: 10, request_rate: 5, num_prompts: 50}\n";
}

Scenario load(const std::string& engine) {
  auto scenario = parse_scenario(text(engine), "test.yaml", {});
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

std::string problems(const std::string& engine) {
  Diagnostics warnings;
  const auto scenario = parse_scenario(text(engine), "test.yaml", {}, &warnings);
  return scenario ? format(warnings) : format(scenario.error());
}

TEST(AddedEngine, IsReadFromAScenarioByItsOwnRules) {
  const Scenario s = load("name: one-by-one, max_prefill_tokens: 256");
  EXPECT_EQ(s.engine.version, "2.0");
  EXPECT_EQ(s.engine.max_num_seqs, 1);
  EXPECT_EQ(s.memory.gpu_memory_utilization, 0.5);
  EXPECT_THAT(problems("name: one-by-on"), HasSubstr("one-by-one"));
  EXPECT_THAT(problems("name: one-by-one, version: 0.15"),
              HasSubstr("must be one of 1.0, 2.0 for engine.name: one-by-one"));
  EXPECT_THAT(problems("name: one-by-one, max_num_batched_tokens: 99"),
              HasSubstr("one-by-one has engine.max_prefill_tokens"));
  EXPECT_THAT(problems("name: one-by-one, enable_mixed_chunk: true"), HasSubstr("has no effect"));
  EXPECT_THAT(problems("name: one-by-one, max_prefill_tokens: 99"), Not(HasSubstr("has no effect")));
}

TEST(AddedEngine, Runs) {
  const auto result = run_scenario(load("name: one-by-one"));
  ASSERT_TRUE(result.has_value());
  ASSERT_TRUE(result->feasible);
  EXPECT_EQ(result->replications.at(0).outcome.replicas.at(0).prefill_tokens, 50 * 1000);
}

TEST(AddedEngine, GetsNoAdviceOnKnobsOfOthers) {
  RequestExplanation explanation;
  explanation.scenario = load("name: one-by-one");
  EXPECT_EQ(token_budget_key(explanation.scenario), "engine.max_prefill_tokens");
  EXPECT_EQ(memory_share_key(explanation.scenario), "engine.mem_fraction_static");
  std::vector<std::string> knobs;
  for (const Fix& fix : candidate_fixes(explanation.scenario, "")) knobs.push_back(fix.set.front());
  EXPECT_THAT(knobs, Contains(HasSubstr("engine.max_prefill_tokens=")));
  EXPECT_THAT(knobs, Not(Contains(HasSubstr("max_num_batched_tokens"))));
  EXPECT_THAT(knobs, Not(Contains(HasSubstr("chunked_prefill_size"))));
}

TEST(AddedEngine, HasItsStartLine) {
  const std::string line = serve_line(load("name: one-by-one, max_prefill_tokens: 256"));
  EXPECT_THAT(line, ::testing::StartsWith("one-by-one "));
  EXPECT_THAT(line, ::testing::EndsWith("Llama-3.1-8B --prefill 256"));
}

}  // namespace

// This program's table, in the place of src/serving/engines/table.cpp.
std::span<const EngineProfile> engine_profiles() {
  static const std::array kRows{vllm_v1_profile(), one_by_one()};
  return kRows;
}

}  // namespace foretoken
