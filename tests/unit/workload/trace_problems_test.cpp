// Broken trace files: refused with file, line and column, all problems at once.
#include <gtest/gtest.h>

#include "support/temporary_file.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;

Diagnostics problems_of(std::string_view text, const std::string& name = "auto", const TraceExtent& extent = {}) {
  const TemporaryFile file(text);
  const auto trace = read_trace(file.path(), name, extent);
  return trace ? Diagnostics{} : trace.error();
}

struct BadTrace {
  const char* name;
  std::string text;
  int line, column;
  const char* message;  // part of message or hint
};

constexpr const char* kPlain = "arrival_s,input_tokens,output_tokens\n";
constexpr const char* kAzure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
constexpr const char* kBurst = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";

TEST(TraceProblems, StandWhereTheFaultIs) {
  const std::string plain = kPlain, azure = kAzure, burst = kBurst;
  const std::vector<BadTrace> cases = {
      {"too few fields", plain + "1,2,3\n2,3\n", 3, 4, "the file may have been cut off"},
      {"too many fields", plain + "1,2,3,4\n", 2, 8, "the header has 3 fields, this row 4"},
      {"not a number", plain + "1,2,3\n2,x,4\n", 3, 3, "input_tokens is 'x'"},
      {"zero tokens", plain + "1,2,0\n", 2, 5, "output_tokens is '0': it must be a whole number from 1"},
      {"negative tokens", plain + "1,-2,1\n", 2, 3, "input_tokens is '-2'"},
      {"half a token", plain + "1,2.5,1\n", 2, 3, "input_tokens is '2.5'"},
      {"too many tokens", plain + "1,99999999999999999999,1\n", 2, 3, "from 1 to 100000000"},
      {"NaN time", plain + "nan,1,1\n", 2, 1, "arrival_s is 'nan'"},
      {"infinite time", plain + "inf,1,1\n", 2, 1, "arrival_s is 'inf'"},
      {"negative time", plain + "-1,1,1\n", 2, 1, "a number of seconds, 0 or more"},
      {"time beyond the clock", plain + "1e30,1,1\n", 2, 1, "arrival_s is '1e30'"},
      {"empty field", plain + "1,,1\n", 2, 3, "input_tokens is ''"},
      {"unsorted", plain + "1,1,1\n3,1,1\n2.5,1,1\n", 4, 1, "0.500000 s earlier than the row before"},
      {"misspelt column", "arrival_s,input_token,output_tokens\n1,1,1\n", 1, 1, "known formats"},
      {"calendar nonsense", azure + "2023-11-16 18:17:03.97,1,1\nyesterday,1,1\n", 3, 1, "TIMESTAMP is 'yesterday'"},
      {"calendar backwards", azure + "2023-11-16 18:17:03,1,1\n2023-11-16 18:17:02,1,1\n", 3, 1, "1.000000 s earlier"},
      {"negative burst tokens", burst + "5,m,-1,3,2,log\n", 2, 5, "Request tokens is '-1'"},
      {"all calls failed", burst + "5,m,1,0,1,log\n6,m,2,0,2,log\n", 0, 0, "all 2 requests of this trace failed"},
      {"truncated JSON", "{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 2}\n{\"timestamp\": 1, \"input_le",
       2, 0, "cut off"},
      {"not an object", "{\"input_toks\": 1, \"output_toks\": 2, \"arrival_time_ns\": 3}\n[1]\n", 2, 1,
       "one JSON object"},
      {"missing key",
       "{\"input_toks\": 1, \"output_toks\": 2, \"arrival_time_ns\": 3}\n{\"input_toks\": 1, \"arrival_time_ns\": 4}\n",
       2, 1, "'output_toks' is missing"},
      {"text for a number", "{\"input_toks\": \"1\", \"output_toks\": 2, \"arrival_time_ns\": 3}\n", 1, 2,
       "'input_toks' is \"1\""},
      {"hash ids of the wrong kind",
       "{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 2, \"hash_ids\": [1, \"a\"]}\n", 1, 57,
       "a list of whole numbers"},
      {"a JSON list", "[{\"input_toks\": 1, \"output_toks\": 2}]\n", 1, 1, "not a list of them"},
      {"prose", "Dear all,\nplease find attached\n", 1, 1, "not that of a known trace format"},
      {"only a header", plain, 0, 0, "the trace has no requests"},
      {"empty", "", 0, 0, "the trace has no requests"},
      {"blank lines", "\n \n\n", 0, 0, "the trace has no requests"},
  };
  for (const BadTrace& c : cases) {
    const Diagnostics problems = problems_of(c.text);
    ASSERT_EQ(problems.items().size(), 1u) << c.name << "\n" << format(problems);
    const Diagnostic& d = problems.items()[0];
    EXPECT_EQ(d.where.line, c.line) << c.name;
    if (c.column > 0) {
      EXPECT_EQ(d.where.column, c.column) << c.name;
    }
    EXPECT_NE((d.message + " " + d.hint).find(c.message), std::string::npos)
        << c.name << ": " << d.message << " | " << d.hint;
    EXPECT_FALSE(d.where.file.empty()) << c.name;
  }
}

TEST(TraceProblems, AreSaidAllAtOnceUpToTwenty) {
  std::string text = kPlain;
  for (int i = 0; i < 7; ++i) text += "x,1,1\n1,1,1\n";
  EXPECT_EQ(problems_of(text).items().size(), 7u);
  for (int i = 0; i < 100; ++i) text += "y,1,1\n";
  const Diagnostics problems = problems_of(text);
  ASSERT_EQ(problems.items().size(), kMaxTraceProblems + 1);
  EXPECT_NE(problems.items().back().message.find("reading stopped here, after 20 problems"), std::string::npos);
}

TEST(TraceProblems, AnEarlyRowIsOneProblemNotOneForEachRowAfterIt) {
  EXPECT_EQ(problems_of(std::string(kPlain) + "5,1,1\n1,1,1\n6,1,1\n7,1,1\n").items().size(), 1u);
}

TEST(TraceProblems, AFormatGivenByNameNamesItsMissingColumns) {
  const Diagnostics problems = problems_of("arrival,input_tokens,output_tokens\n1,1,1\n", "csv");
  ASSERT_EQ(problems.items().size(), 1u);
  EXPECT_NE(problems.items()[0].message.find("missing: 'arrival_s'"), std::string::npos) << format(problems);
  EXPECT_NE(problems.items()[0].hint.find("is 'arrival' meant to be 'arrival_s'?"), std::string::npos)
      << format(problems);
}

TEST(TraceProblems, AnUnknownFormatGetsASuggestion) {
  const Diagnostics problems = problems_of(kPlain, "mooncak");
  ASSERT_EQ(problems.items().size(), 1u);
  EXPECT_NE(problems.items()[0].hint.find("did you mean 'mooncake'?"), std::string::npos);
}

TEST(TraceProblems, UnreadableAndBinaryFilesAreRefused) {
  EXPECT_FALSE(read_trace("/no/such/file.csv", "auto", {}));
  EXPECT_FALSE(read_trace("/", "auto", {}));
  const std::string binary = std::string(kPlain) + std::string("1,\0,3\n", 6);
  EXPECT_TRUE(problems_of(binary).has_errors());
}

TEST(TraceProblems, OnlyWhatIsReadIsJudged) {
  const std::string text = std::string(kPlain) + "1,1,1\n2,1,1\n3,1,1\nbroken\n";
  EXPECT_TRUE(problems_of(text).has_errors());
  EXPECT_FALSE(problems_of(text, "auto", {true, std::nullopt, Duration{3'000'000'000}, std::nullopt}).has_errors());
  EXPECT_FALSE(problems_of(text, "auto", {true, std::nullopt, std::nullopt, 2}).has_errors());
}

TEST(TraceProblems, ASliceWithoutRowsSaysHowFarTheFileReaches) {
  const std::string text = std::string(kPlain) + "1,1,1\n2,1,1\n";
  const Diagnostics problems = problems_of(text, "auto", {true, Duration{10'000'000'000}, std::nullopt, std::nullopt});
  ASSERT_EQ(problems.items().size(), 1u);
  EXPECT_NE(problems.items()[0].hint.find("up to 2.000 s"), std::string::npos) << format(problems);
}

TEST(TraceProblems, LengthsAloneNeedNeitherTimesNorOrder) {
  const TemporaryFile file("output_tokens,input_tokens\n1,2\n3,4\n");
  const auto trace = read_trace(file.path(), "auto", kLengthsOnly);
  ASSERT_TRUE(trace) << format(trace.error());
  EXPECT_EQ(trace->rows.size(), 2u);
  const TemporaryFile unsorted(std::string(kPlain) + "5,1,1\n1,2,2\nnever,3,3\n");
  const auto pairs = read_trace(unsorted.path(), "csv", kLengthsOnly);
  ASSERT_TRUE(pairs) << format(pairs.error());
  EXPECT_EQ(pairs->rows.size(), 3u);
}

}  // namespace
}  // namespace foretoken
