// Studies of deployments with several pools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <numeric>

#include "foretoken/study/memory.hpp"
#include "report/bill_report.hpp"
#include "study/bill/bill.hpp"
#include "study/capacity/promise.hpp"
#include "study/requests/slow_requests.hpp"
#include "study/sensitivity/sensitivity.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A prompt of 100 tokens takes 1 + 10 ms where it is computed, a token 10 ms where it is decoded, and a KV cache 5 ms
// between.
const char* const kPools = R"(
engine: {name: sglang, num_gpu_blocks_override: 200000, max_num_seqs: 64}
cost: {level: affine, affine: {per_step: 1 ms, per_prefill_token: 100 us}}
disaggregation: {setup: 5 ms}
pools:
  - {name: prefill, role: prefill, replicas: 1}
  - {name: decode, role: decode, replicas: 2, cost: {affine: {per_step: 10 ms}}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 400, request_rate: 20}
)";
const char* const kGpus = R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
engine: {name: sglang, max_model_len: 8192}
pools:
  - {name: prefill, role: prefill}
  - {name: decode, role: decode, hardware: {gpu: a100_sxm}, engine: {mem_fraction_static: 0.5}}
workload: {random_input_len: 500, random_output_len: 100, num_prompts: 50, request_rate: 2}
)";

Question asks(const std::string& text, std::vector<std::string> set = {}) {
  return {text, "s.yaml", {std::move(set), {}}};
}
Scenario resolved(const Question& question) {
  const Result<Scenario> s = question.scenario();
  if (!s) throw std::runtime_error(format(s.error()));
  return *s;
}

SensitivityStudy levers(const std::string& text, const std::string& metric, std::vector<std::string> set = {}) {
  SensitivityOptions options;
  options.metric = metric;
  options.run.threads = 1;
  const Result<SensitivityStudy> study = study_sensitivity(resolved(asks(text, std::move(set))), options);
  if (!study) throw std::runtime_error(format(study.error()));
  return *study;
}

const LeverEffect& lever(const SensitivityStudy& s, const std::string& name) {
  for (const LeverEffect& l : s.levers) {
    if (l.name == name) return l;
  }
  throw std::runtime_error("no lever " + name);
}

// Each pool has its own levers: TPOT is the decode pool's step, TTFT the prefill pool's tokens.
TEST(PoolsSensitivity, MovesEachPoolByItself) {
  const SensitivityStudy tpot = levers(kPools, "mean_tpot");
  EXPECT_NEAR(lever(tpot, "decode: cost.affine.per_step").elasticity, 1, 0.05);
  EXPECT_NEAR(lever(tpot, "prefill: cost.affine.per_prefill_token").elasticity, 0, 0.03) << "only when it begins";
  const SensitivityStudy ttft = levers(kPools, "mean_ttft", {"workload.request_rate=1"});
  // 10 of 11 ms of prefill, 5 ms on the way, and what is left of the step that runs when it comes.
  EXPECT_GT(lever(ttft, "prefill: cost.affine.per_prefill_token").elasticity, 0.4);
  EXPECT_EQ(lever(ttft, "decode: cost.affine.per_prefill_token").effect, 0);
}

TEST(PoolsSensitivity, KnowsTheHardwareOfEachPoolAndTheLinkBetween) {
  const SensitivityStudy tpot = levers(kGpus, "mean_tpot");
  EXPECT_LT(lever(tpot, "decode: memory bandwidth").elasticity, -0.4) << "a step streams the weights";
  EXPECT_NEAR(lever(tpot, "prefill: memory bandwidth").elasticity, 0, 0.03);
  EXPECT_THAT(tpot.worth, HasSubstr("decode: memory bandwidth is worth most"));
  const SensitivityStudy ttft = levers(kGpus, "mean_ttft");
  EXPECT_LT(lever(ttft, "KV transfers").elasticity, 0);
  EXPECT_GT(lever(ttft, "KV transfers").now, 1) << "GB/s";
}

// Many contexts share the decode pool, which has less memory here; one alone is bound by the model's length.
TEST(PoolsPromise, HoldsContextsInThePoolThatHasTheLeastRoomForThem) {
  const Scenario s = resolved(asks(kGpus));
  const PoolPlan& decode = s.pools[1];
  ASSERT_LT(decode.engine.usable_blocks(), s.pools[0].engine.usable_blocks());
  const std::vector<ContextByMemory> contexts = contexts_by_memory(s);
  EXPECT_EQ(contexts.front().tokens, 8192);
  const ContextByMemory& many = contexts.back();
  EXPECT_EQ(many.concurrency, decode.engine.max_num_seqs);
  EXPECT_EQ(many.tokens, decode.engine.usable_blocks() / many.concurrency * decode.engine.block_size);
}

TEST(PoolsPromise, SearchesTheLoadOfALength) {
  Scenario s = resolved(asks(kGpus, {"slo=[p99_ttft <= 2 s]", "promise.input_len=[500]", "promise.output_len=[50]"}));
  const Question question =
      asks(kGpus, {"slo=[p99_ttft <= 2 s]", "promise.input_len=[500]", "promise.output_len=[50]"});
  RunOptions options;
  options.threads = 1;
  const Result<PromiseResult> r = find_promises(question, s, options);
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_EQ(r->cells.size(), 1u);
  ASSERT_TRUE(r->cells.front().capacity);
  std::cout << *r->cells.front().capacity << " requests/s\n";
  EXPECT_GT(*r->cells.front().capacity, 5) << "one prompt of 500 tokens takes some 10 ms";
}

TEST(PoolsBill, RentsAllPoolsTogether) {
  const std::string day = "[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0]";
  const Scenario s =
      resolved(asks(kPools, {"prices.gpu_hour=2", "prices.capacity_per_replica=15", "prices.load_profile=" + day}));
  const Result<Bill> bill = monthly_bill(s);
  ASSERT_TRUE(bill) << format(bill.error());
  // 8 hours at 20/s need two copies of three GPUs, 4 hours at 40/s three, 12 quiet hours keep one.
  const double days = 365.25 / 12;
  EXPECT_EQ(bill->fixed.most_replicas, 3);
  EXPECT_NEAR(bill->as_given.usd_per_month, days * 24 * 3 * 2, 1e-6);
  EXPECT_NEAR(bill->resized.usd_per_month, days * (12 * 1 + 8 * 2 + 4 * 3) * 3 * 2, 1e-6);
  EXPECT_THAT(to_text(*bill, {}), HasSubstr("copies of all pools"));
}

TEST(PoolsBill, FindsWhatThePoolsAsGivenServe) {
  const Question question = asks(kPools, {"slo=[p99_ttft <= 200 ms]"});
  const Result<ReplicaCapacity> capacity = capacity_of_one_replica(question);
  ASSERT_TRUE(capacity) << format(capacity.error());
  EXPECT_GT(capacity->requests_per_s, 40);
  EXPECT_LT(capacity->requests_per_s, 1 / 0.011) << "one prompt takes 11 ms of the only prefill replica";
  EXPECT_THAT(capacity->source, HasSubstr("pools as given"));
}

TEST(PoolsMemory, IsOfThePoolThatIsNamed) {
  MemoryOptions options;
  options.threads = 1;
  const Question question = asks(kGpus);
  const Result<MemoryStudy> none = study_memory(question, options);
  ASSERT_FALSE(none);
  EXPECT_THAT(format(none.error()),
              AllOf(HasSubstr("'pools' has several"), HasSubstr("--pool, one of prefill, decode")));
  options.pool = "nobody";
  const Result<MemoryStudy> wrong = study_memory(question, options);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(format(wrong.error()), HasSubstr("there is no pool 'nobody'"));
  options.pool = "decode";
  const Result<MemoryStudy> decode = study_memory(question, options);
  ASSERT_TRUE(decode) << format(decode.error());
  EXPECT_EQ(decode->gpus, std::vector<std::string>{"a100_sxm"});
  const Scenario s = resolved(question);
  EXPECT_EQ(decode->candidates.front().memory.num_gpu_blocks, s.pools[1].engine.num_gpu_blocks);
  options.pool = "prefill";
  const Result<MemoryStudy> prefill = study_memory(question, options);
  ASSERT_TRUE(prefill) << format(prefill.error());
  EXPECT_EQ(prefill->candidates.front().memory.num_gpu_blocks, s.pools[0].engine.num_gpu_blocks);
}

RequestExplanation explained_in_pools(const std::string& which, RequestMetric metric, std::vector<std::string> set) {
  const Question question = asks(kPools, std::move(set));
  RunOptions options;
  options.threads = 1;
  const Result<RequestExplanation> e =
      explain_requests(question, resolved(question), *parse_request_selector(which), metric, options);
  if (!e) throw std::runtime_error(format(e.error()));
  std::cout << e->sentence << " -> " << e->advice << "\n";
  std::int64_t causes = 0;
  for (const CauseShare& c : causes_of(e->selected)) causes += c.ns;
  EXPECT_EQ(causes, e->selected.total) << "INV-12";
  return *e;
}

// 130 a second are more than one prefill replica computes: there they wait, and another one is what helps.
TEST(PoolsRequests, WaitForThePoolThatIsBusy) {
  const RequestExplanation e = explained_in_pools("p99", RequestMetric::ttft, {"workload.request_rate=130"});
  EXPECT_EQ(e.cause, Cause::overload);
  EXPECT_THAT(e.sentence, HasSubstr("pool prefill computes"));
  ASSERT_EQ(e.pool_busy.size(), 2u);
  EXPECT_GT(e.pool_busy[0], 0.85) << "to the last prompt; then the others decode";
  EXPECT_EQ(e.knob, "pools.prefill.replicas");
}

// A long way between is found as such, and what it costs is tried.
TEST(PoolsRequests, NameTheTransferAndTheHandOver) {
  const RequestExplanation way =
      explained_in_pools("median", RequestMetric::ttft, {"workload.request_rate=1", "disaggregation.setup=80 ms"});
  EXPECT_EQ(way.cause, Cause::kv_transfer);
  EXPECT_EQ(way.knob, "disaggregation.setup");
  const RequestExplanation hop = explained_in_pools(
      "median", RequestMetric::ttft,
      {"workload.request_rate=1", "engine.name=vllm-v1", "engine.async_scheduling=true", "disaggregation.hop=100 ms"});
  EXPECT_EQ(hop.cause, Cause::hand_over);
  EXPECT_EQ(hop.knob, "disaggregation.hop");
}

}  // namespace
}  // namespace foretoken
