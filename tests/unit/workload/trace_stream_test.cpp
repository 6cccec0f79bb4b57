// A trace is read while it is sent: what is judged when, and that the rows are not held.
#include <gtest/gtest.h>

#include <fstream>

#include "foretoken/workload/request_source.hpp"
#include "support/replaying.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;

constexpr const char* kStreamed = "arrival_s,input_tokens,output_tokens\n";

std::int64_t drain(RequestSource& source) {
  std::int64_t requests = 0;
  for (; source.next_arrival() != kNever; ++requests) (void)source.take();
  return requests;
}

std::string rows(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += std::to_string(i) + ",100,100\n";
  return text;
}

TEST(TraceStream, RowsAreReadAsTheyAreSent) {
  // Rows that are written after the source was opened arrive too: far from the end of the file
  // (the reader's buffer is 64 KiB) nothing of it has been read yet.
  const TemporaryFile file(kStreamed + rows(0, 20'000));
  const auto source = make_request_source(test::replaying(file.path()), 1).value();
  std::ofstream(file.path(), std::ios::app) << rows(20'000, 21'000);
  EXPECT_EQ(drain(*source), 21'000);
  EXPECT_TRUE(source->problems().empty());
}

TEST(TraceStream, BrokenRowsEndTheRequestsAndAreAllTold) {
  const TemporaryFile file(kStreamed + std::string("1,1,1\n2,1,1\n3,x,1\n4,1,1\n2,1,1\n"));
  for (const bool closed : {false, true}) {
    WorkloadConfig config = test::replaying(file.path());
    if (closed) config.max_concurrency = 100;
    const auto source = make_request_source(config, 1).value();
    EXPECT_EQ(drain(*source), 2);
    const Diagnostics problems = source->problems();
    ASSERT_EQ(problems.items().size(), 2u) << format(problems);
    EXPECT_EQ(problems.items()[0].where.line, 4);
    EXPECT_EQ(problems.items()[1].where.line, 6);
    const auto summary = summarise_workload(config);
    ASSERT_FALSE(summary);
    EXPECT_EQ(format(summary.error()), format(problems)) << "known before the run as well";
  }
}

TEST(TraceStream, ABrokenFirstRowIsToldAtOnce) {
  const TemporaryFile file(kStreamed + std::string("1,x,1\n2,1,1\n3,1,x\n"));
  const auto source = make_request_source(test::replaying(file.path()), 1);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().items().size(), 2u) << format(source.error());
}

TEST(TraceStream, RowsBeyondTheLimitsAreNotJudged) {
  const TemporaryFile file(kStreamed + std::string("1,1,1\n2,1,1\n3,1,1\nbroken\n"));
  WorkloadConfig count = test::replaying(file.path()), slice = count, duration = count;
  count.num_prompts = 2;
  std::get<TraceConfig>(slice.arrivals).end = Duration{3'000'000'000};
  duration.duration = Duration{3'000'000'000};
  for (const WorkloadConfig& config : {count, slice, duration}) {
    const auto source = make_request_source(config, 1).value();
    EXPECT_EQ(drain(*source), 2);
    EXPECT_TRUE(source->problems().empty());
    EXPECT_EQ(summarise_workload(config).value().requests, 2);
  }
}

}  // namespace
}  // namespace foretoken
