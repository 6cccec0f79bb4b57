// What is wrong with result files is said with file and line, and nothing of it is fitted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measurement/calibration/measured_run.hpp"
#include "support/temporary_file.hpp"
#include "unit/measurement/synthetic_results.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;
using ::testing::HasSubstr;

std::string errors_of(std::string_view content) {
  const TemporaryFile file(content, ".json");
  const Result<std::vector<MeasuredRun>> runs = read_measured(file.path());
  return runs ? std::string("no error") : format(runs.error());
}

MeasuredRun only_run(const std::string& content) {
  const TemporaryFile file(content, ".json");
  Result<std::vector<MeasuredRun>> runs = read_measured(file.path());
  if (!runs) throw std::runtime_error(format(runs.error()));
  return runs->at(0);
}

std::vector<test::SyntheticRequest> few() {
  return {{100, 11, 0, 0.05, 0.25}, {200, 21, 1, 0.06, 0.46}, {300, 2, 3, 0.07, 0.08}};
}

struct Bad {
  const char* content;
  const char* message;
};

TEST(MeasuredFiles, SayWhatIsWrong) {
  const Bad cases[] = {
      {"", "the file is empty"},
      {" \n\n", "the file is empty"},
      {"{\"completed\": ", "error"},
      {"{\"hello\": 1}", "known are: vllm bench serve (JSON), SGLang bench_serving"},
      {"[1, 2]", "not a result file of a known tool"},
      {R"({"completed": 0, "failed": 7, "mean_ttft_ms": 0})", "all 7 requests failed"},
      {R"({"completed": 0, "request_throughput": 0})", "no request was completed"},
      {R"({"completed": 3, "request_throughput": 1})", "neither 'mean_ttft_ms' nor per-request 'ttfts'"},
      {R"({"completed": 3, "mean_ttft_ms": "fast"})", "'mean_ttft_ms' must be a number of at least 0, got \"fast\""},
      {R"({"completed": 3, "mean_ttft_ms": -4})", "'mean_ttft_ms' must be a number of at least 0, got -4"},
      {R"({"completed": 3, "mean_ttft_ms": NaN})", "error"},
      {R"({"completed": 1, "ttfts": [0.1], "input_lens": [5]})", "'output_lens' is missing or not a list"},
      {R"({"completed": 1, "ttfts": [0.1], "input_lens": [5, 6], "output_lens": [1], "itls": [[]]})",
       "'input_lens' has 2 elements, 'ttfts' has 1"},
      {R"({"completed": 1, "ttfts": [null], "input_lens": [5], "output_lens": [1], "itls": [[]]})",
       "'ttfts[0]' is null"},
      {R"({"completed": 1, "ttfts": [0.1], "input_lens": [5], "output_lens": [2], "itls": [["x"]]})",
       "'itls[0]' is not a list of seconds"},
      {R"({"completed": 1, "ttfts": [0.0], "input_lens": [5], "output_lens": [0], "itls": [[]], "errors": ["boom"]})",
       "all 1 requests failed"},
      {R"({"benchmarks": []})", "'benchmarks' is empty"},
      {R"({"benchmarks": [{"metrics": {"request_totals": {"successful": 0, "errored": 4}}}]})",
       "all 4 requests failed"},
      {R"({"benchmarks": [{"requests": {"successful": [{"prompt_tokens": 5}]}}]})",
       "'requests.successful[0].output_tokens' is missing"},
      {R"({"request_latency": {"unit": "weeks", "avg": 3}})", "has the unit 'weeks'"},
      {"{\"metadata\": {\"request_start_ns\": 5}, \"metrics\": {}, \"error\": null}\n",
       "'metrics.input_sequence_length' is missing"},
      {"{\"completed\": 1, \"mean_ttft_ms\": 3}\n{\"completed\": }\n", ":2:"},
  };
  for (const Bad& bad : cases) EXPECT_THAT(errors_of(bad.content), HasSubstr(bad.message)) << bad.content;
  const Result<std::vector<MeasuredRun>> missing = read_measured("/no/such/file.json");
  ASSERT_FALSE(missing);
}

TEST(MeasuredFiles, LeaveFailedRequestsOut) {
  Json json = test::vllm_detailed(few());
  json["errors"] = Json::array();
  for (const char* error : {"", "timeout", ""}) json["errors"].push_back(error);
  const MeasuredRun run = only_run(to_text(json));
  EXPECT_EQ(run.requests.size(), 2u);
  EXPECT_EQ(run.failed, 1);
  EXPECT_THAT(run.notes.at(0), HasSubstr("1 of 3 requests failed"));
}

// The same three requests, told by five tools.
TEST(MeasuredFiles, SayTheSameInEveryFormat) {
  const test::RecordedFolder folder(few());
  std::vector<MeasuredRun> runs = {only_run(to_text(test::vllm_detailed(few()))),
                                   only_run(to_text(test::sglang_line(few()), 0)),
                                   only_run(to_text(test::guidellm_report(few()))),
                                   only_run(test::aiperf_records(few())), read_measured(folder.path()).value().at(0)};
  const char* formats[] = {"vllm", "sglang", "guidellm", "aiperf", "replay"};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const MeasuredRun& run = runs[i];
    EXPECT_EQ(run.format, formats[i]);
    EXPECT_EQ(run.has_arrivals, run.format != "sglang");
    ASSERT_EQ(run.requests.size(), 3u) << run.format;
    EXPECT_EQ(run.requests[1].prompt_tokens, 200) << run.format;
    EXPECT_NEAR(run.requests[1].ttft_ms, 60, 1e-3) << run.format;
    EXPECT_NEAR(run.requests[1].tpot_ms, 20, 1e-3) << run.format << ": (460 - 60) ms / 20 gaps";
    EXPECT_NEAR(run.requests[1].e2e_ms, 460, 1e-3) << run.format;
    if (run.has_arrivals) {
      EXPECT_NEAR(run.requests[2].arrival, 3, 1e-3) << run.format;
    }
  }
}

TEST(MeasuredFiles, TakeTheLoadFromTheFile) {
  EXPECT_THAT(
      only_run(R"({"completed": 9, "failed": 1, "mean_ttft_ms": 3, "request_rate": "inf", "max_concurrency": 4})")
          .overrides,
      ::testing::ElementsAre("workload.request_rate=inf", "workload.max_concurrency=4", "workload.num_prompts=10"));
  EXPECT_THAT(
      only_run(R"({"benchmarks": [{"config": {"strategy": {"type_": "concurrent", "streams": 16}},
    "metrics": {"request_totals": {"successful": 5}, "request_latency": {"successful": {"mean": 2}}}}]})")
          .overrides,
      ::testing::ElementsAre("workload.num_prompts=5", "workload.request_rate=inf", "workload.max_concurrency=16"));
  EXPECT_THAT(
      only_run(R"({"request_latency": {"unit": "ms", "avg": 3}, "input_config": {"loadgen": {"request_rate": 2.5}}})")
          .overrides,
      ::testing::ElementsAre("workload.request_rate=2.5"));
}

TEST(MeasuredFiles, RefuseRecordingsWhoseClocksDisagree) {
  const test::RecordedFolder folder(few(), 5000);
  const Result<std::vector<MeasuredRun>> runs = read_measured(folder.path());
  ASSERT_FALSE(runs);
  EXPECT_THAT(format(runs.error()), HasSubstr("clocks"));
}

}  // namespace
}  // namespace foretoken
