// Rows of --save-requests and --save-steps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/csv.hpp"
#include "foretoken/experiment/run.hpp"
#include "report/request_rows.hpp"
#include "report/step_rows.hpp"
#include "support/temporary_file.hpp"
#include "unit/metrics/records.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using C = TpotConvention;

std::string field(const std::string& row, const std::string& column) {
  const std::string header_text = csv_header(request_columns());
  const auto header = split_csv(std::string_view(header_text).substr(0, header_text.size() - 1));
  const auto cells = split_csv(std::string_view(row).substr(0, row.size() - 1));
  EXPECT_EQ(header.size(), cells.size()) << row;
  const auto it = std::find(header.begin(), header.end(), column);
  EXPECT_NE(it, header.end()) << column;
  return cells[static_cast<std::size_t>(it - header.begin())];
}

TEST(RequestRows, WritesTimesOfAFinishedRequest) {
  RequestRecord r = record(7, {1234.5, 1334.5, 1734.5, 3734.5}, 100, 512);
  r.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)] = ms(100);
  const std::string row = request_csv_row(2, r, "chat", C::per_output_token);
  EXPECT_EQ(field(row, "replication"), "2");
  EXPECT_EQ(field(row, "index"), "7");
  EXPECT_EQ(field(row, "class"), "chat");
  EXPECT_EQ(field(row, "outcome"), "finished");
  EXPECT_EQ(field(row, "arrival_s"), "1.234500000");
  EXPECT_EQ(field(row, "input_tokens"), "512");
  EXPECT_EQ(field(row, "queue_time_ms"), "100.000000");
  EXPECT_EQ(field(row, "ttft_ms"), "500.000000");
  EXPECT_EQ(field(row, "tpot_ms"), "20.000000");
  EXPECT_EQ(field(row, "e2el_ms"), "2500.000000");
  EXPECT_EQ(field(row, "queue_ms"), "100.000000");
  EXPECT_EQ(field(request_csv_row(0, r, "", C::vllm), "tpot_ms"), "20.202020");
}

TEST(RequestRows, LeavesEmptyWhatDidNotHappen) {
  EXPECT_EQ(field(request_csv_row(0, record(0, {0, 0, 5, 5}, 1), "", C::per_output_token), "tpot_ms"), "");
  const std::string row = request_csv_row(0, failed_record(0, 10, Outcome::timed_out), "", C::per_output_token);
  EXPECT_EQ(field(row, "outcome"), "timed_out");
  EXPECT_EQ(field(row, "ttft_ms"), "");
  EXPECT_EQ(field(row, "kv_transfer_ms"), "");
}

TEST(RequestRows, QuotesClassNamesThatNeedIt) {
  EXPECT_EQ(field(request_csv_row(0, record(0, {0, 0, 5, 9}, 2), "a,\"b\"", C::per_output_token), "class"), "a,\"b\"");
}

TEST(RequestRows, AreTheSameAsLinesOfJson) {
  RequestRecord r = record(7, {1234.5, 1334.5, 1734.5, 3734.5}, 100, 512);
  const RequestRow row{1, r, "a \"b\"", C::vllm};
  const Result<Json> json = parse_json(json_row(request_columns(), row), "row");
  ASSERT_TRUE(json) << format(json.error());
  const std::string csv = csv_row(request_columns(), row);
  for (const RowColumn<RequestRow>& column : request_columns()) {
    const Json& value = (*json)[column.key];
    const std::string* text = value.if_string();
    double number = 0;
    if (text != nullptr) {
      EXPECT_EQ(field(csv, column.key), *text);
    } else if (value.number(number)) {
      EXPECT_DOUBLE_EQ(std::stod(field(csv, column.key)), number) << column.key;
    } else {
      EXPECT_EQ(field(csv, column.key), "") << column.key;
    }
  }
  const RequestRecord failed = failed_record(0, 10, Outcome::timed_out);
  EXPECT_TRUE(
      (*parse_json(json_row(request_columns(), RequestRow{0, failed, "", C::vllm}), "row"))["ttft_ms"].is_null());
}

TEST(RowFiles, AreTakenForWhatTheirNameSays) {
  EXPECT_EQ(row_format_of("a/b.jsonl"), RowFormat::jsonl);
  EXPECT_EQ(row_format_of("b.ndjson"), RowFormat::jsonl);
  EXPECT_EQ(row_format_of("-"), RowFormat::jsonl);
  EXPECT_EQ(row_format_of("rows.csv"), RowFormat::csv);
}

// Two replicas with few KV blocks: steps of all kinds.
constexpr const char* kCounted = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
replicas: 2
engine: {num_gpu_blocks_override: 140, max_num_seqs: 32, max_model_len: 1024}
workload: {random_input_len: 200, random_output_len: 200, num_prompts: 60, request_rate: 200}
)";

std::vector<Json> step_rows(bool step_by_step, RunResult* run) {
  const test::TemporaryFile file("", ".jsonl");
  Result<StepRows> rows = StepRows::create(file.path());
  RunOptions options;
  options.watchers = {&rows.value()};
  options.step_by_step = step_by_step;
  const Result<RunResult> result = run_scenario(parse_scenario(kCounted, "test.yaml", {}).value(), options);
  if (run != nullptr) *run = result.value();
  EXPECT_TRUE(rows->commit().empty());
  std::ifstream stream(file.path());
  std::vector<Json> read;
  for (std::string line; std::getline(stream, line);) read.push_back(parse_json(line, "row").value());
  return read;
}

TEST(StepRows, HaveEveryStepOnceWithAllItsTokens) {
  RunResult run;
  const std::vector<Json> rows = step_rows(false, &run);
  std::int64_t steps = 0, prefill = 0, decode = 0, decode_rows = 0, prefill_rows = 0;
  for (const ReplicaTotals& r : run.replications[0].outcome.replicas) {
    steps += r.steps;
    prefill += r.prefill_tokens;
    decode += r.decode_tokens;
  }
  std::map<std::int64_t, double> end;
  for (const Json& row : rows) {
    prefill_rows += *row["prefill_tokens"].if_int();
    decode_rows += *row["decode_requests"].if_int();
    double begin = 0, duration = 0;
    ASSERT_TRUE(row["begin_s"].number(begin) && row["duration_ms"].number(duration));
    double& last = end[*row["replica"].if_int()];
    EXPECT_GE(begin, last - 1e-9);
    last = begin + duration / 1e3;
  }
  EXPECT_EQ(static_cast<std::int64_t>(rows.size()), steps);
  EXPECT_EQ(prefill_rows, prefill);
  EXPECT_EQ(decode_rows, decode);
}

// What a stretch does not know of its later steps, the oracle does; all else is the same.
TEST(StepRows, AreTheSameStepByStep) {
  const std::vector<Json> rows = step_rows(false, nullptr), all = step_rows(true, nullptr);
  ASSERT_EQ(rows.size(), all.size());
  const auto sorted = [](std::vector<Json> list) {
    std::stable_sort(list.begin(), list.end(), [](const Json& a, const Json& b) {
      return std::pair(*a["replica"].if_int(), *a["step"].if_int()) <
             std::pair(*b["replica"].if_int(), *b["step"].if_int());
    });
    return list;
  };
  const std::vector<Json> a = sorted(rows), b = sorted(all);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (const char* key : {"prefill_requests", "decode_requests"}) EXPECT_EQ(a[i][key], b[i][key]) << "row " << i;
    // A stretch counts from its beginning in whole nanoseconds.
    double begin = 0, began = 0, duration = 0, lasted = 0;
    ASSERT_TRUE(a[i]["begin_s"].number(begin) && b[i]["begin_s"].number(began));
    ASSERT_TRUE(a[i]["duration_ms"].number(duration) && b[i]["duration_ms"].number(lasted));
    EXPECT_NEAR(begin, began, 2.5e-9) << "row " << i;
    EXPECT_NEAR(duration, lasted, 2.5e-6) << "row " << i;
    if (!a[i]["kv_blocks"].is_null()) {
      EXPECT_EQ(a[i]["kv_blocks"], b[i]["kv_blocks"]);
    }
    EXPECT_FALSE(b[i]["kv_blocks"].is_null());
  }
}

}  // namespace
}  // namespace foretoken
