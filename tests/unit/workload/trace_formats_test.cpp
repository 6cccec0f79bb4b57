// The trace formats, by small files in each format's own spelling.
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/workload/request_source.hpp"
#include "support/replaying.hpp"
#include "support/temporary_file.hpp"
#include "workload/traces/row_parser.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;

struct Sent {
  double at;
  std::int32_t input, output;
  bool operator==(const Sent& o) const {  // to the nanosecond
    return std::llround(at * 1e9) == std::llround(o.at * 1e9) && input == o.input && output == o.output;
  }
};
std::ostream& operator<<(std::ostream& out, const Sent& s) {
  return out << s.at << ":" << s.input << "," << s.output;
}

std::vector<Sent> replay(const WorkloadConfig& config) {
  auto source = make_request_source(config, 71);
  if (!source) ADD_FAILURE() << format(source.error());
  std::vector<Sent> sent;
  while (source && (*source)->next_arrival() != kNever) {
    const Request r = (*source)->take();
    sent.push_back({to_seconds(r.arrival), r.prompt_tokens, r.output_tokens});
  }
  return sent;
}

std::vector<Sent> replay_text(std::string_view text) {
  const TemporaryFile file(text);
  return replay(test::replaying(file.path()));
}

TEST(TraceFormats, Azure2023CountsFromItsFirstRow) {
  EXPECT_EQ(replay_text("TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                        "2023-11-16 18:17:03.9799600,4808,10\r\n"
                        "2023-11-16 18:17:04.0319601,3180,8\r\n"
                        "2023-11-17 00:00:00.0000000,7,9"),
            (std::vector<Sent>{{0, 4808, 10}, {0.0520001, 3180, 8}, {20576.02004, 7, 9}}));
}

TEST(TraceFormats, Azure2024HasAnOffsetAndNoFractionOnWholeSeconds) {
  EXPECT_EQ(replay_text("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                        "2024-05-12 00:00:00.009930+00:00,2162,5\n"
                        "2024-05-12 00:00:01+00:00,2399,6\n"),
            (std::vector<Sent>{{0, 2162, 5}, {0.99007, 2399, 6}}));
}

TEST(TraceFormats, BurstGptLeavesFailedCallsOutAndCountsThem) {
  const TemporaryFile file(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45.5,GPT-4,1087,0,1087,API log\n"
      "118,ChatGPT,417,276,693,Conversation log\n");
  const WorkloadConfig config = test::replaying(file.path());
  EXPECT_EQ(replay(config), (std::vector<Sent>{{5, 472, 18}, {118, 417, 276}}));
  EXPECT_EQ(summarise_workload(config).value().failed_rows, 1);
  EXPECT_EQ(summarise_workload(config).value().requests, 2);
}

TEST(TraceFormats, BurstGptWithSessionsHasTheSameColumnsElsewhere) {
  EXPECT_EQ(replay_text("Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                        "5,\"a,b\",1.5,ChatGPT,472,18,490,Conversation log\n"
                        "6,,,GPT-4,5.0,7.0,12.0,API log\n"),
            (std::vector<Sent>{{5, 472, 18}, {6, 5, 7}}));
}

TEST(TraceFormats, MooncakeKeepsItsHashIds) {
  const TemporaryFile file(R"({"timestamp": 0, "input_length": 700, "output_length": 5, "hash_ids": [0, 1]}
{"timestamp": 27482, "input_length": 500, "output_length": 6, "hash_ids": [0]}
{"timestamp": 30535, "input_length": 1500, "output_length": 7, "hash_ids": [0, 1, 4294967296]}
)");
  auto source = make_request_source(test::replaying(file.path()), 1);
  ASSERT_TRUE(source) << format(source.error());
  const PrefixTable* prefixes = (*source)->prefixes();
  ASSERT_NE(prefixes, nullptr);
  EXPECT_EQ(prefixes->block_tokens(0), 512);
  EXPECT_EQ(prefixes->rows(), 3);
  EXPECT_EQ((*source)->take().prefix_row, 0);
  const Request second = (*source)->take();
  EXPECT_EQ(second.arrival, TimePoint{Duration{27'482'000'000}}) << "times of a fine clock stay as recorded";
  EXPECT_EQ(prefixes->hash_ids(second.prefix_row).size(), 1u);
  const auto ids = prefixes->hash_ids((*source)->take().prefix_row);
  EXPECT_EQ(std::vector<std::int64_t>(ids.begin(), ids.end()), (std::vector<std::int64_t>{0, 1, 4294967296}));
}

std::string mooncake_row(std::int64_t ms, int tokens) {
  return "{\"timestamp\": " + std::to_string(ms) + ", \"input_length\": " + std::to_string(tokens) +
         ", \"output_length\": 1, \"hash_ids\": [" + std::to_string(tokens) + "]}\n";
}

// Ten rows at each of 0, 3, 5 and 20 s: a clock that stands still for up to 3 s.
std::string coarse_mooncake() {
  std::string text;
  int row = 0;
  for (const std::int64_t ms : {0, 3000, 5000, 20'000}) {
    for (int i = 0; i < 10; ++i) text += mooncake_row(ms, ++row);
  }
  return text;
}

TEST(TraceFormats, MooncakesCoarseTimesAreSpreadInsideTheirBucket) {
  const auto sent = replay_text(coarse_mooncake());
  ASSERT_EQ(sent.size(), 40u);
  const double begin[] = {0, 3, 5, 20}, end[] = {3, 5, 8, 23};
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].input, static_cast<int>(i) + 1) << "the file's order is kept";
    EXPECT_GE(sent[i].at, begin[i / 10]);
    EXPECT_LT(sent[i].at, end[i / 10]);
    if (i % 10 > 0) {
      EXPECT_GT(sent[i].at, sent[i - 1].at);
    }
  }
}

TEST(TraceFormats, SpreadTimesAreTheSameInEveryRunAndSlice) {
  const TemporaryFile file(coarse_mooncake());
  WorkloadConfig config = test::replaying(file.path());
  const auto whole = replay(config);
  const auto one = make_request_source(config, 1).value(), two = make_request_source(config, 2).value();
  EXPECT_EQ((one->take(), one->take().arrival), (two->take(), two->take().arrival)) << "whatever the seed";

  auto& trace = std::get<TraceConfig>(config.arrivals);
  trace.start = Duration{4'000'000'000};
  trace.end = Duration{6'000'000'000};
  std::vector<Sent> expected;
  for (const Sent& s : whole) {
    if (s.at >= 4 && s.at < 6) expected.push_back(s);
  }
  const auto slice = replay(config);
  ASSERT_EQ(slice.size(), expected.size());
  ASSERT_GT(slice.size(), 5u);
  for (std::size_t i = 0; i < slice.size(); ++i) {
    EXPECT_NEAR(slice[i].at, expected[i].at - 4, 1e-9);
    EXPECT_EQ(slice[i].input, expected[i].input);
  }
}

TEST(TraceFormats, HashIdsOfASliceAreThoseOfItsRows) {
  const TemporaryFile file(coarse_mooncake());
  WorkloadConfig config = test::replaying(file.path());
  std::get<TraceConfig>(config.arrivals).start = Duration{4'000'000'000};
  const auto source = make_request_source(config, 1).value();
  while (source->next_arrival() != kNever) {
    const Request r = source->take();
    const auto ids = source->prefixes()->hash_ids(r.prefix_row);
    ASSERT_EQ(ids.size(), 1u);
    ASSERT_EQ(ids[0], r.prompt_tokens);
  }
}

TEST(TraceFormats, ShareGptLinesCountInNanoseconds) {
  EXPECT_EQ(replay_text(R"({"input_toks": 20, "output_toks": 30, "arrival_time_ns": 0}

{"arrival_time_ns": 1500000000, "output_toks": 3, "input_toks": 2, "input_tok_ids": [1, 2]}
)"),
            (std::vector<Sent>{{0, 20, 30}, {1.5, 2, 3}}));
}

TEST(TraceFormats, PlainCsvTakesItsColumnsInAnyOrderAndIgnoresOthers) {
  EXPECT_EQ(replay_text("\xef\xbb\xbfuser, Output_Tokens ,input_tokens,arrival_s\n"
                        "a,1,2,0.25\n"
                        "\"b, c\",3,4,1e3\n"),
            (std::vector<Sent>{{0.25, 2, 1}, {1000, 4, 3}}));
}

TEST(TraceFormats, ScalesStretchAndCompressTheTimes) {
  const TemporaryFile file("arrival_s,input_tokens,output_tokens\n1,1,1\n2,2,2\n4,3,3\n");
  WorkloadConfig config = test::replaying(file.path());
  auto& trace = std::get<TraceConfig>(config.arrivals);
  trace.time_scale = 3;
  EXPECT_EQ(replay(config), (std::vector<Sent>{{3, 1, 1}, {6, 2, 2}, {12, 3, 3}}));
  trace.time_scale = 1;
  trace.rate_scale = 4;
  EXPECT_EQ(replay(config), (std::vector<Sent>{{0.25, 1, 1}, {0.5, 2, 2}, {1, 3, 3}}));
  trace.start = Duration{2'000'000'000};
  EXPECT_EQ(replay(config), (std::vector<Sent>{{0, 2, 2}, {0.5, 3, 3}})) << "a slice begins at time 0";
}

TEST(TraceFormats, LimitsOfCountAndDurationApply) {
  const TemporaryFile file("arrival_s,input_tokens,output_tokens\n1,1,1\n2,2,2\n4,3,3\n");
  WorkloadConfig config = test::replaying(file.path());
  config.num_prompts = 2;
  EXPECT_EQ(replay(config).size(), 2u);
  EXPECT_EQ(summarise_workload(config).value().requests, 2);
  config.num_prompts = 99;
  EXPECT_EQ(replay(config).size(), 3u) << "a trace is not repeated";
  config.duration = Duration{4'000'000'000};
  EXPECT_EQ(replay(config).size(), 2u) << "the request at 4 s is out";
  EXPECT_EQ(summarise_workload(config).value().requests, 2);
}

TEST(TraceFormats, ATraceGoesThroughSeatsLikeAnyLoad) {
  const TemporaryFile file("arrival_s,input_tokens,output_tokens\n1,1,1\n2,2,2\n4,3,3\n");
  WorkloadConfig config = test::replaying(file.path());
  config.max_concurrency = 1;
  const auto source = make_request_source(config, 1).value();
  const Request first = source->take();
  EXPECT_EQ(source->next_arrival(), kNever);
  source->completed(first, TimePoint{Duration{3'500'000'000}});
  const Request second = source->take();
  EXPECT_EQ(second.client_wait, Duration{1'500'000'000});
  EXPECT_EQ(second.prompt_tokens, 2);
}

TEST(TraceFormats, ClassesOfATraceAreDrawnByWeight) {
  std::string text = "arrival_s,input_tokens,output_tokens\n";
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ",7,9\n";
  const TemporaryFile file(text);
  WorkloadConfig config = test::replaying(file.path());
  config.classes = {{"a", 1, {}, {}, 3, {}}, {"b", 1, {}, {}, -3, {}}};
  const auto source = make_request_source(config, 1).value();
  int b = 0;
  while (source->next_arrival() != kNever) {
    const Request r = source->take();
    ASSERT_EQ(r.prompt_tokens, 7) << "lengths are the trace's";
    ASSERT_EQ(r.priority, r.class_index == 1 ? -3 : 3);
    b += r.class_index;
  }
  EXPECT_NEAR(b, 500, 3.89 * std::sqrt(250.0));
}

TEST(TraceFormats, SummaryOfATraceIsExact) {
  const TemporaryFile file("arrival_s,input_tokens,output_tokens\n1,10,1\n2,20,200\n5,60,3\n");
  const auto said = summarise_workload(test::replaying(file.path())).value();
  EXPECT_EQ(said.requests, 3);
  EXPECT_EQ(said.max_prompt_tokens, 60);
  EXPECT_EQ(said.max_total_tokens, 220);
  EXPECT_DOUBLE_EQ(said.mean_prompt_tokens, 30);
  EXPECT_DOUBLE_EQ(said.mean_output_tokens, 68);
  EXPECT_DOUBLE_EQ(said.offered_rate, 0.5) << "two gaps in 4 s";
}

TEST(Timestamps, AreReadInIntegersWithTheirOffset) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(parse_timestamp("2000-03-01 00:00:00"), 951'868'800 * kSecond);
  EXPECT_EQ(parse_timestamp("2024-02-29T23:59:59.123456789Z"), 1'709'251'199 * kSecond + 123'456'789);
  EXPECT_EQ(parse_timestamp("2024-03-01 01:30:00+01:30"), parse_timestamp("2024-03-01 00:00:00"));
  EXPECT_EQ(parse_timestamp("2024-02-29 22:00:00-02"), parse_timestamp("2024-03-01 00:00:00"));
  EXPECT_EQ(parse_timestamp("2023-11-16 18:17:03.9799600").value() % kSecond, 979'960'000);
  for (const char* wrong :
       {"", "2023", "2023-11-16", "2023-02-29 00:00:00", "2023-13-01 00:00:00", "2023-11-31 00:00:00",
        "2023-11-16 24:00:00", "2023-11-16 18:60:03", "2023-11-16 18:17:60", "2023-11-16 18:17:03.",
        "2023-11-16 18:17:03 ", "2023-11-16 18:17:03+1", "2023-11-16 18:17:03.1234567890", "16/11/2023 18:17:03",
        "2023-11-16 18:17:03UTC", "0001-01-01 00:00:00", "9999-01-01 00:00:00"}) {
    EXPECT_FALSE(parse_timestamp(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace foretoken
