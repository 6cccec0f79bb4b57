// Pools of a scenario: what they inherit, how they are named in paths, and what has to agree between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/scenario/question.hpp"
#include "scenario/sweep_axes.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTwoPools =
    "model: Llama-3.1-8B\n"
    "hardware: {gpu: h100_sxm}\n"
    "engine: {max_num_seqs: 64}\n"
    "pools:\n"
    "  - {name: p, role: prefill, replicas: 2, engine: {tp: 2}}\n"
    "  - {name: d, role: decode, hardware: {gpu: a100_sxm}, engine: {max_num_seqs: 32, version: \"0.24\"}}\n"
    "workload: {random_input_len: 1000, random_output_len: 10, num_prompts: 5}\n";

Scenario scenario(const std::string& text, const std::vector<std::string>& set = {}) {
  const Result<Scenario> s = parse_scenario(text, "pools.yaml", {set});
  if (!s) throw std::runtime_error(format(s.error()));
  return *s;
}

std::string problems_of(const std::string& text, const std::vector<std::string>& set = {}) {
  const Result<Scenario> s = parse_scenario(text, "pools.yaml", {set});
  return s ? "" : format(s.error());
}

TEST(ScenarioPools, HaveWhatTheTopLevelSaysButForWhatTheySay) {
  const Scenario s = scenario(kTwoPools);
  ASSERT_EQ(s.pools.size(), 2u);
  EXPECT_EQ(s.pools[0].role, PoolRole::prefill);
  EXPECT_EQ(s.pools[0].deployment.gpu.id, "h100_sxm");
  EXPECT_EQ(s.pools[1].deployment.gpu.id, "a100_sxm");
  EXPECT_EQ(s.pools[0].deployment.parallelism.tensor, 2);
  EXPECT_EQ(s.pools[1].deployment.parallelism.tensor, 1);
  EXPECT_EQ(s.pools[0].engine.max_num_seqs, 64);
  EXPECT_EQ(s.pools[1].engine.max_num_seqs, 32);
  EXPECT_EQ(s.pools[0].engine.version, "0.19");
  EXPECT_EQ(s.pools[1].engine.version, "0.24");
  EXPECT_EQ(s.pools[0].cluster.replicas, 2);
  EXPECT_EQ(s.num_gpus, 2 * 2 + 1);
  EXPECT_NE(s.pools[0].engine.num_gpu_blocks, s.pools[1].engine.num_gpu_blocks) << "each has its own memory plan";
  EXPECT_EQ(s.engine, s.pools[1].engine) << "what is asked of one pool is asked of where outputs come from";
}

TEST(ScenarioPools, AreThatAloneWhichTheyAreTogether) {
  const Scenario s = scenario(kTwoPools);
  const Scenario alone = scenario(
      "model: Llama-3.1-8B\n"
      "hardware: {gpu: a100_sxm}\n"
      "engine: {max_num_seqs: 32, version: \"0.24\"}\n"
      "workload: {random_input_len: 1000, random_output_len: 10, num_prompts: 5}\n");
  EXPECT_EQ(s.pools[1].deployment, alone.deployment);
  EXPECT_EQ(s.pools[1].engine, alone.engine);
  EXPECT_EQ(s.pools[1].memory, alone.memory);
}

TEST(ScenarioPools, AreSetByNameAndByNumber) {
  EXPECT_EQ(scenario(kTwoPools, {"pools.d.replicas=3"}).pools[1].cluster.replicas, 3);
  EXPECT_EQ(scenario(kTwoPools, {"pools[1].engine.max_num_seqs=7"}).pools[1].engine.max_num_seqs, 7);
  EXPECT_EQ(scenario(kTwoPools, {"pools.p.engine.tensor_parallel_size=4"}).pools[0].deployment.parallelism.tensor, 4)
      << "the other spelling is the same key";
  EXPECT_EQ(scenario(kTwoPools, {"engine.max_model_len=4096"}).pools[0].engine.max_model_len, 4096);
  EXPECT_THAT(problems_of(kTwoPools, {"pools.x.replicas=3"}), HasSubstr("there is no pool 'x'; pools: p, d"));
  EXPECT_THAT(problems_of(kTwoPools, {"pools.d.replica=3"}), HasSubstr("unknown key 'pools.d.replica'"));
}

TEST(ScenarioPools, AreAxesOfASweep) {
  LoadOptions options;
  options.over = {"pools.d.replicas=1..3", "pools.p.engine.max_num_batched_tokens=2048,8192"};
  const Result<Scenario> s = parse_scenario(kTwoPools, "pools.yaml", options);
  ASSERT_TRUE(s) << format(s.error());
  ASSERT_EQ(s->sweep.size(), 2u);
  EXPECT_EQ(s->sweep[0].path, "pools.d.replicas");
  EXPECT_EQ(s->sweep[0].values, (std::vector<std::string>{"1", "2", "3"}));
  options.over = {"pools.x.replicas=1..3"};
  EXPECT_THAT(format(parse_scenario(kTwoPools, "pools.yaml", options).error()), HasSubstr("there is no pool 'x'"));
}

TEST(ScenarioPools, KeepTheOriginOfEveryValue) {
  const Scenario s = scenario(kTwoPools);
  const auto field = [&](const std::string& path) {
    const auto at = std::find_if(s.fields.begin(), s.fields.end(), [&](const auto& f) { return f.path == path; });
    return at == s.fields.end() ? ResolvedField{} : *at;
  };
  EXPECT_EQ(field("pools[0].engine.max_num_seqs").where.line, 3) << "inherited";
  EXPECT_EQ(field("pools[1].engine.max_num_seqs").where.line, 6) << "its own";
  EXPECT_EQ(field("pools[1].engine.max_num_batched_tokens").origin, Origin::engine_default);
  EXPECT_EQ(field("engine.max_num_seqs").path, "") << "no pool is the top level";
  const Json written = to_json(s);
  EXPECT_EQ(*written["pools"].if_array()->at(1)["engine"]["max_num_seqs"].if_int(), 32);
  EXPECT_NE(scenario_sha256(s), scenario_sha256(scenario(kTwoPools, {"pools.p.replicas=1"})));
}

TEST(ScenarioPools, CountInTheCostEachAtItsPrice) {
  const Scenario s = scenario(kTwoPools, {"prices.gpu_hour={h100_sxm: 3, a100_sxm: 2}"});
  EXPECT_DOUBLE_EQ(price_per_hour(s)->usd, 4 * 3.0 + 1 * 2.0);
}

TEST(ScenarioPools, WarnOfKeysThatAPoolDoesNotRead) {
  Diagnostics warnings;
  const auto s = parse_scenario(kTwoPools, "pools.yaml", {{"pools.d.engine.chunked_prefill_size=512"}}, &warnings);
  ASSERT_TRUE(s);
  EXPECT_THAT(format(warnings), HasSubstr("'engine.chunked_prefill_size' has no effect"));
  Diagnostics none;
  ASSERT_TRUE(parse_scenario(kTwoPools, "pools.yaml", {}, &none));
  EXPECT_EQ(format(none), "");
}

}  // namespace
}  // namespace foretoken
