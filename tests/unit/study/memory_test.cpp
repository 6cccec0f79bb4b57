// What fits, on figures that can be computed by hand.
#include "foretoken/study/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/base/units.hpp"
#include "foretoken/report/report.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<MemoryStudy> memory_of(const MemoryOptions& options, std::vector<std::string> set = {"model=Llama-2-7B"},
                              const std::string& text = "") {
  return study_memory({text, "s.yaml", {std::move(set)}}, options);
}

const MemoryCandidate& at(const MemoryStudy& s, const std::string& quantization, const std::string& kv,
                          std::int64_t context) {
  for (const MemoryCandidate& c : s.candidates) {
    if (c.quantization == quantization && c.kv_cache_dtype == kv && c.context == context) return c;
  }
  ADD_FAILURE() << "no candidate " << quantization << " " << kv << " " << context;
  return s.candidates.front();
}

// 2 (K and V) x 32 layers x 4,096 wide x 2 bytes x 4,096 tokens.
TEST(MemoryStudy, ALlama2RequestOf4096TokensHolds2GiBOfKvIn16Bits) {
  const auto s = memory_of({"h100_sxm", "none", "auto,fp8", "2048,4096"});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_DOUBLE_EQ(at(*s, "none", "auto", 4096).kv_bytes_per_request, 2 * kGiB);
  EXPECT_DOUBLE_EQ(at(*s, "none", "auto", 4096).memory.kv_bytes_per_token, 512 * 1024);
  EXPECT_DOUBLE_EQ(at(*s, "none", "fp8", 4096).kv_bytes_per_request, kGiB);
  EXPECT_DOUBLE_EQ(at(*s, "none", "auto", 2048).kv_bytes_per_request, kGiB);
}

TEST(MemoryStudy, CountsWholeRequestsAndPricesThem) {
  const auto s = memory_of({"h100_sxm", "none,fp8", "auto,fp8", "4096"});
  ASSERT_TRUE(s) << format(s.error());
  for (const MemoryCandidate& c : s->candidates) {
    ASSERT_EQ(c.status, MemoryStatus::fits) << c.reason;
    const std::int64_t blocks = 4096 / 16;
    EXPECT_EQ(c.requests, c.memory.usable_blocks / blocks);
    EXPECT_GT(c.tpot_alone_ms, 0);
    EXPECT_GT(c.tpot_full_ms, c.tpot_alone_ms);
  }
  const MemoryCandidate &wide = at(*s, "none", "auto", 4096), &narrow = at(*s, "fp8", "fp8", 4096);
  EXPECT_NEAR(narrow.memory.weights.value / wide.memory.weights.value, 0.5, 0.03)
      << "all but embedding and head are halved";
  EXPECT_GT(narrow.requests, 2 * wide.requests);
  EXPECT_LT(narrow.tpot_alone_ms, wide.tpot_alone_ms);
  EXPECT_EQ(&s->baseline_of(3), &wide);
}

TEST(MemoryStudy, SaysWhatIsMissingWhereItDoesNotFit) {
  const auto s = memory_of({"h100_sxm", "none,awq", "auto", "4096"}, {"model=Llama-3.1-70B"});
  ASSERT_TRUE(s) << format(s.error());
  const MemoryCandidate& wide = at(*s, "none", "auto", 4096);
  EXPECT_EQ(wide.status, MemoryStatus::does_not_fit);
  EXPECT_GT(wide.missing, 50 * kGiB);
  EXPECT_THAT(wide.reason, HasSubstr("weights take"));
  EXPECT_THAT(wide.remedy, HasSubstr("what would fit"));
  EXPECT_EQ(at(*s, "awq", "auto", 4096).status, MemoryStatus::fits);
  EXPECT_THAT(to_text(*s), HasSubstr("GiB missing"));
}

TEST(MemoryStudy, SaysWhyAFormatIsNotThereInsteadOfDroppingIt) {
  const auto s = memory_of({"a100_sxm", "none,fp8,nvfp4", "auto,fp8,int8", "2048"});
  ASSERT_TRUE(s) << format(s.error());
  ASSERT_EQ(s->candidates.size(), 9u);
  const MemoryCandidate& no_kv = at(*s, "none", "int8", 2048);
  EXPECT_EQ(no_kv.status, MemoryStatus::not_available);
  EXPECT_THAT(no_kv.reason, HasSubstr("vllm-v1 has no int8 KV cache"));
  EXPECT_THAT(at(*s, "fp8", "auto", 2048).note, HasSubstr("unpacked and multiplied in 16 bits"));
  const auto other = memory_of({"a100_sxm", "fp8", "auto", "2048"}, {"model=Llama-2-7B", "engine.name=tensorrt-llm"});
  ASSERT_TRUE(other) << format(other.error());
  EXPECT_EQ(other->candidates.front().status, MemoryStatus::not_available);
  EXPECT_THAT(other->candidates.front().reason, HasSubstr("no FP8 matrix units"));
}

TEST(MemoryStudy, TakesItsListsFromTheScenario) {
  const auto s =
      memory_of({}, {},
                "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_model_len: 16384}\n"
                "workload: {random_input_len: 900, random_output_len: 100, num_prompts: 5}\nslo: [p99_ttft <= 1 s]\n");
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_THAT(s->contexts, ElementsAre(1000, 4096, 16384));
  EXPECT_THAT(s->quantizations, ElementsAre("none", "fp8", "awq"));
  EXPECT_THAT(s->kv_cache_dtypes, ElementsAre("auto", "fp8"));
  EXPECT_THAT(s->gpus, ElementsAre("h100_sxm"));
}

TEST(MemoryStudy, NotesAContextThatTheModelWasNotMadeFor) {
  const auto s = memory_of({"h100_sxm", "none", "auto", "4096,8192"});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_EQ(s->candidates[0].note, "");
  EXPECT_THAT(s->candidates[1].note, HasSubstr("made for 4096 tokens"));
}

TEST(MemoryStudy, HalvesTheKvOfARankByTensorParallelism) {
  const auto s = memory_of({"h100_sxm", "none", "auto", "4096"}, {"model=Llama-2-7B", "engine.tensor_parallel_size=2"});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_DOUBLE_EQ(s->candidates.front().kv_bytes_per_request, kGiB);
}

TEST(MemoryStudy, LeavesMeasuredBlocksOutBecauseTheyAreOfOnePrecision) {
  const auto s =
      memory_of({"h100_sxm", "none,fp8", "auto", "2048"}, {"model=Llama-2-7B", "engine.num_gpu_blocks_override=1000"});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_GT(s->candidates.front().memory.num_gpu_blocks, 2000);
  ASSERT_EQ(s->notes.size(), 1u);
  EXPECT_THAT(s->notes.front(), HasSubstr("num_gpu_blocks_override"));
}

TEST(MemoryStudy, ReportsEveryWrongListAtOnceByItsOption) {
  const auto s = memory_of({"h100_sxm,l40z", "fb8", "fp9", "x"});
  ASSERT_FALSE(s);
  EXPECT_THAT(format(s.error()),
              AllOf(HasSubstr("--gpu:1:10: error"), HasSubstr("did you mean `l40s`"), HasSubstr("--quantization:1:1"),
                    HasSubstr("--kv-cache-dtype:1:1"), HasSubstr("--context:1:1")));
  EXPECT_THAT(format(memory_of({"h100_sxm", "", "", "1"}).error()), HasSubstr("at least two tokens"));
  EXPECT_THAT(format(memory_of({}, {"cost.level=affine"}).error()), HasSubstr("no hardware"));
  EXPECT_THAT(format(memory_of({"h100_sxm"}, {}).error()), HasSubstr("'model' is missing"));
}

TEST(MemoryStudy, DocumentsEverything) {
  const auto s = memory_of({"h100_sxm", "none", "auto,int8", "4096"});
  ASSERT_TRUE(s) << format(s.error());
  const Json json = to_json(*s);
  EXPECT_EQ(*json["schema"].if_string(), "foretoken.memory/1");
  EXPECT_EQ(*json["cost_level"].if_string(), "calibrated");
  ASSERT_EQ(json["candidates"].if_array()->size(), 2u);
  double bytes = 0;
  EXPECT_TRUE((*json["candidates"].if_array())[0]["kv_bytes_per_request"].number(bytes));
  EXPECT_DOUBLE_EQ(bytes, 2 * kGiB);
  EXPECT_EQ(*(*json["candidates"].if_array())[1]["status"].if_string(), "not available");
}

}  // namespace
}  // namespace foretoken
