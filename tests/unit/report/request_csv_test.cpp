// Rows of --save-requests.
#include "report/request_csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/csv.hpp"
#include "unit/metrics/records.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using C = TpotConvention;

std::string field(const std::string& row, const std::string& column) {
  const std::string header_text = request_csv_header();
  const auto header = split_csv(std::string_view(header_text).substr(0, header_text.size() - 1));
  const auto cells = split_csv(std::string_view(row).substr(0, row.size() - 1));
  EXPECT_EQ(header.size(), cells.size()) << row;
  const auto it = std::find(header.begin(), header.end(), column);
  EXPECT_NE(it, header.end()) << column;
  return cells[static_cast<std::size_t>(it - header.begin())];
}

TEST(RequestCsv, WritesTimesOfAFinishedRequest) {
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

TEST(RequestCsv, LeavesEmptyWhatDidNotHappen) {
  EXPECT_EQ(field(request_csv_row(0, record(0, {0, 0, 5, 5}, 1), "", C::per_output_token), "tpot_ms"), "");
  const std::string row = request_csv_row(0, failed_record(0, 10, Outcome::timed_out), "", C::per_output_token);
  EXPECT_EQ(field(row, "outcome"), "timed_out");
  EXPECT_EQ(field(row, "ttft_ms"), "");
  EXPECT_EQ(field(row, "kv_transfer_ms"), "");
}

TEST(RequestCsv, QuotesClassNamesThatNeedIt) {
  EXPECT_EQ(field(request_csv_row(0, record(0, {0, 0, 5, 9}, 2), "a,\"b\"", C::per_output_token), "class"), "a,\"b\"");
}

}  // namespace
}  // namespace foretoken
