// foretoken accuracy on small files of the tests' own: what it prints, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPointsHeader =
    "id,model,gpu,num_gpus,tp,pp,ep,dp,precision_weights,precision_kv,framework,workload,isl,osl,"
    "batch_or_concurrency,rate_rps,ttft_ms,tpot_ms,itl_ms,e2e_ms,output_tps_total,notes,grade\n";

// One row of every kind of run, and rows that cannot be predicted. The measurements are made up.
const std::string kPoints = kPointsHeader +
                            "batch,Llama-3.1-8B,H100,1,1,1,,1,fp16,fp16,FasterTransformer v5,static_batch,128,32,4,,,,,"
                            "500,,one batch,A\n"
                            "closed,Llama-3.1-8B,H100,1,1,1,1,1,bf16,,vllm 0.19.0,closed_loop,512,64,8,,40,8,,,,"
                            "per-request ISL and OSL uniform in [0.8;1.0]x nominal,B\n"
                            "open,Llama-3.1-8B,H100,1,1,1,1,1,bf16,,vllm 0.19.0,open_loop,256,32,128,5,30,,8,290,,"
                            "means; 50 requests,D\n"
                            "offline,Llama-3.1-8B,H100,1,1,1,1,1,fp8,fp8,vllm 0.19.0,open_loop,128,32,,inf,,,,,9000,"
                            "\"N=100, all at once\",C\n"
                            "lengths,Llama-3.1-8B,H100,1,1,1,1,1,bf16,,vllm 0.19.0,open_loop,,,,5,30,,,,,none,E\n"
                            "nameless,No-Such-Model,H100,1,1,1,1,1,bf16,,vllm 0.19.0,closed_loop,512,64,8,,40,8,,,,,B\n"
                            "engine,Llama-3.1-8B,H100,1,1,1,1,1,bf16,,mystery 1.0,closed_loop,512,64,8,,40,8,,,,,B\n";

const Json& row_of(const Json& result, std::size_t i) {
  return (*result["rows"].if_array())[i];
}
double number_of(const Json& json) {
  double value = -1;
  return json.number(value) ? value : -1;
}

TEST(AccuracyOfPoints, SimulatesEveryKindOfRunAndSaysWhyOthersAreLeftOut) {
  const TemporaryFolder folder;
  const ProcessResult run = foretoken_program({"accuracy", folder.file("points.csv", kPoints), "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto result = parse_json(run.out, "result");
  ASSERT_TRUE(result);
  EXPECT_EQ(*(*result)["schema"].if_string(), "foretoken.accuracy/1");
  ASSERT_EQ((*result)["rows"].if_array()->size(), 7u);
  const Json& batch = row_of(*result, 0);
  const double e2e = number_of(batch["predicted"]["e2e_ms"]);
  EXPECT_GT(e2e, 0);
  EXPECT_NEAR(number_of(batch["error_pct"]["e2e_ms"]), (e2e / 500 - 1) * 100, 1e-9);
  const Json& closed = row_of(*result, 1);
  // Decoding reads 16 GB of weights per step: 4.8 ms at 3.35 TB/s, and no engine is five times slower.
  EXPECT_GT(number_of(closed["predicted"]["tpot_ms"]), 4.8);
  EXPECT_LT(number_of(closed["predicted"]["tpot_ms"]), 24);
  EXPECT_GT(number_of(closed["predicted"]["ttft_ms"]), 0);
  EXPECT_GT(number_of(row_of(*result, 2)["predicted"]["itl_ms"]), 4.8);
  EXPECT_GT(number_of(row_of(*result, 3)["error_pct"]["output_tps_total"]), -100);
  EXPECT_THAT(*row_of(*result, 4)["skipped"].if_string(), HasSubstr("grade E"));
  EXPECT_THAT(*row_of(*result, 5)["skipped"].if_string(), HasSubstr("No-Such-Model"));
  EXPECT_THAT(*row_of(*result, 6)["skipped"].if_string(), HasSubstr("mystery 1.0"));
  EXPECT_EQ(number_of((*result)["summary"]["predicted"]), 4);
}

TEST(AccuracyOfPoints, PrintsTheSameBytesOnOneThreadAndOnSeveral) {
  const TemporaryFolder folder;
  const std::string points = folder.file("points.csv", kPoints);
  const ProcessResult one = foretoken_program({"accuracy", points, "-j", "1", "--by", "cell"});
  const ProcessResult four = foretoken_program({"accuracy", points, "-j", "4", "--by", "cell"});
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, four.out);
  EXPECT_THAT(one.out, HasSubstr("By cell"));
  EXPECT_THAT(one.out, HasSubstr("Rows without a prediction: 3 of 7"));
}

// Releases without rules of their own: the nearest known one stands for them, without planning ahead where the release
// did not.
TEST(AccuracyOfPoints, SimulatesReleasesByTheNearestKnownOne) {
  const TemporaryFolder folder;
  std::string points = kPointsHeader;
  for (const char* framework : {"vllm 0.11.2", "vllm 0.15.1", "vllm 0.14.0", "vllm 9.1", "trtllm 1.3.0rc1"})
    points += std::string(framework) + ",Llama-3.1-8B,H100,1,1,1,1,1,bf16,," + framework +
              ",closed_loop,512,64,8,,40,8,,,,none,B\n";
  const ProcessResult run = foretoken_program({"accuracy", folder.file("points.csv", points), "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto result = parse_json(run.out, "result");
  ASSERT_TRUE(result);
  EXPECT_EQ(number_of((*result)["summary"]["predicted"]), 5);
  const auto ttft = [&](std::size_t i) { return number_of(row_of(*result, i)["predicted"]["ttft_ms"]); };
  EXPECT_NE(ttft(0), ttft(1));  // one step after the other
  EXPECT_EQ(ttft(2), ttft(1));
  EXPECT_GT(ttft(3), 0);
}

TEST(AccuracyOfPoints, ReadsNamesFromTheFileBesideThePoints) {
  const TemporaryFolder folder;
  const std::string points = folder.file("points.csv", kPoints);
  (void)folder.file("names.csv", "kind,name_in_points,facts_name\nmodel,No-Such-Model,Llama-3.1-8B\n");
  const ProcessResult run = foretoken_program({"accuracy", points});
  EXPECT_THAT(run.out, HasSubstr("Rows without a prediction: 2 of 7"));
}

TEST(AccuracyOfPoints, ListsEveryProblemOfTheFileWithItsLine) {
  const TemporaryFolder folder;
  const std::string bad = kPointsHeader +
                          "a,M,H100,1,1,1,1,1,bf16,,vllm 0.19,closed_loop,many,64,8,,40,8,,,,,B\n"
                          "a,M,H100,1,1.5,1,1,1,bf16,,vllm 0.19,closed_lop,512,64,8,,-40,nan,,,,,Z\n"
                          "b,M,H100\n";
  const std::string path = folder.file("points.csv", bad);
  const ProcessResult run = foretoken_program({"accuracy", path});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.out, IsEmpty());
  for (const char* problem : {":2: error: isl is 'many'", ":3: error: ttft_ms is '-40'", ":3: error: tpot_ms is 'nan'",
                              ":4: error: 3 values, but the header names 23 columns"}) {
    EXPECT_THAT(run.err, HasSubstr(path + problem));
  }
  // Numbers are read first; words once they all are.
  const std::string words = kPointsHeader +
                            "a,M,H100,1,1,1,1,1,bf16,,vllm 0.19,closed_loop,512,64,8,,40,8,,,,,B\n"
                            "a,M,H100,1,1.5,1,1,1,bf16,,vllm 0.19,closed_lop,512,64,8,,40,8,,,,,Z\n";
  const ProcessResult again = foretoken_program({"accuracy", folder.file("words.csv", words)});
  EXPECT_EQ(again.exit_code, 2);
  for (const char* problem : {":3: error: workload is 'closed_lop'", "grade is 'Z'", "tp is '1.5'", "id 'a' was given"})
    EXPECT_THAT(again.err, HasSubstr(problem));
}

TEST(AccuracyOfPoints, RefusesFilesThatAreNoPoints) {
  const TemporaryFolder folder;
  EXPECT_EQ(foretoken_program({"accuracy"}).exit_code, 2);
  EXPECT_EQ(foretoken_program({"accuracy", folder.path("absent.csv")}).exit_code, 2);
  const ProcessResult empty = foretoken_program({"accuracy", folder.file("empty.csv", "")});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr("the file is empty"));
  const ProcessResult missing = foretoken_program({"accuracy", folder.file("few.csv", "id,modle\nx,y\n")});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("column 'model' is missing"));
  EXPECT_THAT(missing.err, HasSubstr("is 'modle' meant?"));
  EXPECT_THAT(missing.err, HasSubstr("column 'osl' is missing"));
  const ProcessResult rows = foretoken_program({"accuracy", folder.file("header.csv", kPointsHeader)});
  EXPECT_EQ(rows.exit_code, 2);
  EXPECT_THAT(rows.err, HasSubstr("no rows"));
  EXPECT_EQ(foretoken_program({"accuracy", "a.csv", "--kernels", "b.csv"}).exit_code, 2);
  EXPECT_THAT(foretoken_program({"accuracy", "a.csv", "--gpu", "h100"}).err, HasSubstr("--gpu requires --replay"));
  EXPECT_THAT(foretoken_program({"accuracy", "--kernels", "b.csv", "--by", "cell"}).err, HasSubstr("--by requires"));
  const ProcessResult experts =
      foretoken_program({"calibrate", "s.yaml", "--measured", "m.csv", "--format", "experts"});
  EXPECT_EQ(experts.exit_code, 2);
  EXPECT_THAT(experts.err, HasSubstr("hint: calibrate --kernels TABLE --format experts"));
}

const std::string kKernelsHeader =
    "op,gpu,engine,engine_version,dtype,kv_dtype,m,n,k,tokens,bytes,distribution,kernel,measured_us,m3_us,source\n";

TEST(AccuracyOfKernels, PredictsEachLaunchByTheSetOfItsKey) {
  const TemporaryFolder folder;
  // Worked example E1 of the cost model, operands not in L2: 14.857 us.
  const std::string path =
      folder.file("kernels.csv", kKernelsHeader +
                                     "gemm,H100,vllm,0.24.0,bfloat16,,1,4096,4096,,,,,15,14.857,x [nonresident]\n"
                                     "gemm,H100,vllm,0.24.0,bfloat16,,1,,4096,,,,,15,,x\n"
                                     "gemm,H100,vllm,0.1,bfloat16,,1,4096,4096,,,,,15,,x\n"
                                     "gemm,Abacus,vllm,0.24.0,bfloat16,,1,4096,4096,,,,,15,,x\n");
  const ProcessResult run = foretoken_program({"accuracy", "--kernels", path, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto result = parse_json(run.out, "result");
  ASSERT_TRUE(result);
  EXPECT_NEAR(number_of(row_of(*result, 0)["predicted_us"]), 14.857, 0.015);
  EXPECT_NEAR(number_of(row_of(*result, 0)["error_pct"]), (14.857 / 15 - 1) * 100, 0.1);
  EXPECT_LT(number_of((*result)["summary"]["reference_gap_pct"]), 0.1);
  EXPECT_THAT(*row_of(*result, 1)["skipped"].if_string(), HasSubstr("needs n"));
  EXPECT_THAT(*row_of(*result, 2)["skipped"].if_string(), HasSubstr("no coefficient set h100_sxm/vllm/0.1/bf16/gemm"));
  EXPECT_THAT(*row_of(*result, 3)["skipped"].if_string(), HasSubstr("no GPU 'Abacus'"));
}

TEST(AccuracyOfKernels, RefusesBrokenNumbersWithTheirLines) {
  const TemporaryFolder folder;
  const std::string path =
      folder.file("kernels.csv", kKernelsHeader + "gemm,H100,vllm,0.24.0,bfloat16,,one,4096,4096,,,,,15,,x\n" +
                                     "gemm,H100,vllm,0.24.0,bfloat16,,1,-4,1e999,,,,,inf,,x\n");
  const ProcessResult run = foretoken_program({"accuracy", "--kernels", path});
  EXPECT_EQ(run.exit_code, 2);
  for (const char* problem :
       {":2: error: m is 'one'", ":3: error: n is '-4'", ":3: error: k is '1e999'", ":3: error: measured_us is 'inf'"})
    EXPECT_THAT(run.err, HasSubstr(path + problem));
}

// Two requests of a small engine; the engine's clock runs 1,000 s ahead of the client's.
class Replay {
 public:
  Replay() {
    std::filesystem::create_directory(folder_.path("h100_sxm-toy"));
    write("meta.json", R"({"model": "Llama-3.1-8B", "vllm_version": "0.19.0",
 "engine_kwargs": {"max_num_seqs": 8, "max_model_len": null, "dtype": "bfloat16", "cpu_offload_gb": 4}})");
    write("requests.jsonl", first + "\n" + second + "\n");
    write("timeseries.csv", "t,running,waiting,kv_cache_pct\n1.0,2,0,0.0\n2.0,0,0,0.0\n");
  }
  void write(const std::string& name, const std::string& text) const {
    (void)folder_.file("h100_sxm-toy/" + name, text);
  }
  [[nodiscard]] ProcessResult run(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"accuracy", "--replay", folder_.path("h100_sxm-toy")});
    return foretoken_program(more);
  }
  std::string first =
      R"({"request_id": "a", "input_toks": 100, "output_toks": 100, "arrival_time": 5.0, "queued_ts": 1005.0, "scheduled_ts": 1005.001, "first_token_ts": 1005.02, "last_token_ts": 1005.92})";
  std::string second =
      R"({"request_id": "b", "input_toks": 50, "output_toks": 1, "arrival_time": 5.5, "queued_ts": 1005.51, "scheduled_ts": 1005.52, "first_token_ts": 1005.53, "last_token_ts": 1005.53})";

 private:
  TemporaryFolder folder_;
};

TEST(AccuracyOfReplay, ComparesRequestsOnTheEnginesClock) {
  const Replay replay;
  const ProcessResult run = replay.run({"--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto result = parse_json(run.out, "result");
  ASSERT_TRUE(result);
  // min(queued_ts - arrival_time) = 1000: request b waited 10 ms before the engine saw it.
  EXPECT_NEAR(number_of((*result)["clock_offset_seconds"]), 1000, 1e-6);
  EXPECT_NEAR(number_of(row_of(*result, 0)["measured"]["ttft_ms"]), 20, 1e-3);
  EXPECT_NEAR(number_of(row_of(*result, 1)["measured"]["ttft_ms"]), 30, 1e-3);
  EXPECT_NEAR(number_of(row_of(*result, 0)["measured"]["tpot_ms"]), 900.0 / 99, 1e-3);
  EXPECT_TRUE(row_of(*result, 1)["measured"]["tpot_ms"].is_null()) << "one token has no TPOT";
  EXPECT_GT(number_of(row_of(*result, 0)["predicted"]["tpot_ms"]), 4.8);
  EXPECT_EQ((*result)["series"].if_array()->size(), 2u) << "a recording that prints 0 everywhere has no KV series";
  EXPECT_THAT(*(*(*result)["not_modelled"].if_array())[0].if_string(), HasSubstr("cpu_offload_gb"));
}

TEST(AccuracyOfReplay, RefusesStampsOutOfOrderAndDriftingClocks) {
  Replay replay;
  replay.write(
      "requests.jsonl",
      R"({"request_id": "a", "input_toks": 100, "output_toks": 0, "arrival_time": 5.0, "queued_ts": 1005.0})"
      "\n"
      R"({"request_id": "b", "input_toks": 5, "output_toks": 5, "arrival_time": 5.0, "queued_ts": 9.0, "scheduled_ts": 8.0, "first_token_ts": 9.5, "last_token_ts": 9.25})"
      "\nnot json\n");
  const ProcessResult broken = replay.run();
  EXPECT_EQ(broken.exit_code, 2);
  for (const char* problem :
       {"requests.jsonl:1: error: 'output_toks'", "requests.jsonl:1: error: 'scheduled_ts' is missing",
        "requests.jsonl:2: error: scheduled_ts lies before queued_ts by 1.0",
        "requests.jsonl:2: error: last_token_ts lies before first_token_ts", "requests.jsonl:3"})
    EXPECT_THAT(broken.err, HasSubstr(problem));
  replay.write(
      "requests.jsonl",
      replay.first + "\n" +
          R"({"request_id": "b", "input_toks": 5, "output_toks": 5, "arrival_time": 6.0, "queued_ts": 9999.0, "scheduled_ts": 9999.0, "first_token_ts": 9999.5, "last_token_ts": 9999.75})");
  const ProcessResult drift = replay.run();
  EXPECT_EQ(drift.exit_code, 2);
  EXPECT_THAT(drift.err, HasSubstr("requests.jsonl:2: error: queued_ts lies 8993 s after arrival_time"));
}

TEST(AccuracyOfReplay, RefusesFoldersThatAreNoRecording) {
  const TemporaryFolder folder;
  const ProcessResult absent = foretoken_program({"accuracy", "--replay", folder.path("absent")});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_THAT(absent.err, HasSubstr("meta.json"));
  const Replay replay;
  replay.write("meta.json", "{}");
  const ProcessResult bare = replay.run();
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_THAT(bare.err, HasSubstr("'model' is missing"));
  EXPECT_THAT(bare.err, HasSubstr("'engine_kwargs' is missing"));
  const ProcessResult card = Replay().run({"--gpu", "abacus"});
  EXPECT_EQ(card.exit_code, 2);
  EXPECT_THAT(card.err, HasSubstr("abacus"));
}

}  // namespace
}  // namespace foretoken
