// Pools of a scenario: what they inherit, how they are named in paths, and what has to agree between them.
#include <fmt/format.h>
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
    "disaggregation: {enforce_handshake_compat: false}\n"
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

TEST(ScenarioPools, GiveEachRankItsBlocks) {
  const Scenario s = scenario(kTwoPools);
  const std::int64_t prefill = s.pools[0].engine.usable_blocks(), decode = s.pools[1].engine.usable_blocks();
  EXPECT_THAT(pools_by_rank(s), ::testing::ElementsAre(&s.pools[0], &s.pools[0], &s.pools[1]));
  EXPECT_THAT(kv_blocks_by_rank(s), ::testing::ElementsAre(prefill, prefill, decode));
  const Scenario alone = only_pool(s, s.pools[0]);
  EXPECT_THAT(kv_blocks_by_rank(alone), ::testing::ElementsAre(prefill, prefill));
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

// Within a node a KV cache goes over the GPU's own link; over one that is named as over any network, at a GPU's share
// of its node's adapters.
TEST(ScenarioPools, SendOverTheLinkThatIsNamedAndTheAdaptersThatThereAre) {
  const std::string pools =
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {random_input_len: 1000, num_prompts: 5}\n"
      "pools: [{name: p, role: prefill, engine: {tp: 4}}, {name: d, role: decode, engine: {tp: 2}}]\n";
  const Scenario near = scenario(pools);
  EXPECT_EQ(near.hand_over.link, near.deployment.gpu.scale_up_link.id);
  EXPECT_DOUBLE_EQ(near.hand_over.efficiency, 0.6);
  const char* named = "disaggregation.link=infiniband_ndr400";
  const Scenario far = scenario(pools, {named});
  EXPECT_EQ(far.hand_over.link, "infiniband_ndr400");
  EXPECT_DOUBLE_EQ(far.hand_over.efficiency, 0.75);
  EXPECT_EQ(far.pools[0].link_bandwidth, 4 * 37'500'000'000) << "an adapter for each GPU";
  EXPECT_EQ(scenario(pools, {named, "hardware.nics_per_node=1"}).pools[0].link_bandwidth, 18'750'000'000);
  EXPECT_EQ(scenario(pools, {named, "hardware.oversubscription=4"}).pools[0].link_bandwidth, 37'500'000'000);
  // 16 tokens of 32 layers, keys and values, 2 x 1.5 us each from either of the ranks that a rank reads from.
  EXPECT_EQ(far.pools[1].flow_bandwidth, std::llround(16 * 131'072 / (2 * 64 * 1.5e-6)));
  EXPECT_EQ(scenario(pools, {named, "pools.p.engine.tp=2"}).pools[1].flow_bandwidth,
            std::llround(16 * 131'072 / (64 * 1.5e-6)));
}

TEST(ScenarioPools, KeepALeaseWhileItIsRenewed) {
  const std::string pools =
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {random_input_len: 1000, num_prompts: 5}\n"
      "pools: [{name: p, role: prefill}, {name: d, role: decode}]\n";
  for (const auto& [version, seconds] : {std::pair{"0.19", 480}, std::pair{"0.24", 0}})
    EXPECT_DOUBLE_EQ(
        to_seconds(scenario(pools, {std::string("engine.version=") + version}).hand_over.rules.pin_timeout), seconds);
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
  // A router of the whole is of the pools that have something to choose.
  for (const auto& [replicas, has_effect] : {std::pair{"1", false}, std::pair{"2", true}}) {
    Diagnostics said;
    const auto routed = parse_scenario(
        kTwoPools, "pools.yaml",
        {{"router=least_outstanding", fmt::format("pools.p.replicas={}", replicas), "pools.d.replicas=1"}}, &said);
    ASSERT_TRUE(routed) << format(routed.error());
    EXPECT_EQ(format(said).find("'router' has no effect") == std::string::npos, has_effect) << format(said);
  }
  Diagnostics none;
  ASSERT_TRUE(parse_scenario(kTwoPools, "pools.yaml", {}, &none));
  EXPECT_EQ(format(none), "");
}

constexpr const char* kTwoModels =
    "hardware: {gpu: h100_sxm}\n"
    "pools:\n"
    "  - {name: a, model: Llama-3.1-8B, served_model_name: small, replicas: 2}\n"
    "  - {name: b, model: Qwen3-32B, served_model_name: large, engine: {tp: 2, max_model_len: 4096}}\n"
    "workload:\n"
    "  num_prompts: 5\n"
    "  request_rate: 4\n"
    "  classes:\n"
    "    - {name: chat, weight: 3, model: small, random_input_len: 6000, random_output_len: 10}\n"
    "    - {name: think, weight: 1, model: large, random_input_len: 1000, random_output_len: 10}\n";

TEST(ScenarioPools, MayServeSeveralModels) {
  const Scenario s = scenario(kTwoModels);
  EXPECT_EQ(s.pools[0].deployment.model.id, scenario(kTwoPools).pools[0].deployment.model.id);
  EXPECT_NE(s.pools[0].deployment.model, s.pools[1].deployment.model);
  EXPECT_EQ(served_models(s.pools), (std::vector<std::string>{"small", "large"}));
  EXPECT_TRUE(has_several_models(s));
  // Of 4 requests a second three are chats.
  const Scenario one = only_pool(s, s.pools[0]);
  ASSERT_EQ(one.workload.classes.size(), 1u);
  EXPECT_EQ(one.workload.classes[0].name, "chat");
  EXPECT_DOUBLE_EQ(std::get<RenewalArrivals>(one.workload.arrivals).rate, 3);
  EXPECT_FALSE(has_several_models(scenario(kTwoPools))) << "pools that hand over serve one";
}

TEST(ScenarioPools, ServeWhatClassesAskFor) {
  EXPECT_THAT(problems_of(kTwoModels, {"workload.classes[0].model=huge"}),
              HasSubstr("no pool serves 'huge', which class 'chat' asks for"));
  EXPECT_THAT(problems_of(kTwoModels, {"workload.classes[0].model=null"}),
              HasSubstr("class 'chat' does not say which model it asks for"));
  EXPECT_THAT(problems_of(kTwoModels, {"workload.classes=null"}), HasSubstr("no class of the workload says which"));
  EXPECT_THAT(problems_of(kTwoModels, {"pools.b.replicas=0"}), HasSubstr("no pool serves 'large'"));
  EXPECT_THAT(problems_of(kTwoModels, {"pools.a.role=prefill", "pools.b.role=decode"}),
              HasSubstr("hand-overs between pools of one of several models are not modelled"));
  EXPECT_THAT(problems_of(kTwoModels, {"pools.a.replicas=0", "pools.b.replicas=0"}),
              HasSubstr("no pool has a replica"));
  EXPECT_THAT(problems_of(kTwoPools, {"pools.p.replicas=0"}), HasSubstr("pool 'p' of role prefill has no replicas"));
  // A prompt of 6,000 tokens never comes to the pool of 4,096.
  EXPECT_EQ(problems_of(kTwoModels), "");
  EXPECT_THAT(problems_of(kTwoModels, {"workload.classes[1].random_input_len=5000"}),
              HasSubstr("a prompt of 5000 tokens does not fit max_model_len 4096"));
}

TEST(ScenarioPools, OfNoReplicasAreLeftOut) {
  const Scenario s = scenario(kTwoModels, {"pools.a.replicas=0", "workload.classes[0].model=large",
                                           "workload.classes[0].random_input_len=100"});
  ASSERT_EQ(s.pools.size(), 1u);
  EXPECT_EQ(s.pools[0].name, "b");
  EXPECT_EQ(s.num_gpus, 2);
}

TEST(ScenarioPools, HaveObjectivesByClass) {
  const Scenario s = scenario(kTwoModels, {"slo=[p99_ttft <= 5 s]", "workload.classes[1].slo=['mean_tpot<=40 ms']"});
  ASSERT_EQ(s.slo.size(), 2u);
  EXPECT_EQ(s.slo[1].expression, "mean_tpot of think <=40 ms");
  EXPECT_EQ(s.slo[1].metric, "mean_tpot_ms of think");
  EXPECT_EQ(scenario(kTwoModels, {"slo=['mean_tpot of think <=40 ms']"}).slo[0], s.slo[1]) << "both ways";
  EXPECT_THAT(problems_of(kTwoModels, {"slo=['mean_tpot of thought <= 40 ms']"}),
              HasSubstr("there is no class 'thought'; classes: chat, think"));
  EXPECT_THAT(problems_of(kTwoModels, {"assert=['mean_tpot of x <= 40 ms']"}), HasSubstr("there is no class 'x'"));
  EXPECT_THAT(problems_of(kTwoModels, {"study.until=['mean_tpot of x +- 4 %']"}), HasSubstr("there is no class 'x'"));
}

}  // namespace
}  // namespace foretoken
