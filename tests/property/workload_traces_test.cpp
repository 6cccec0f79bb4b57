// Laws of traces: replay, slices, scales, and no crash on any damage.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "property/random_workload.hpp"
#include "support/replaying.hpp"
#include "support/temporary_file.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

using test::RandomWorkload;
using test::TemporaryFile;

std::vector<Request> drain(const WorkloadConfig& config) {
  auto source = make_request_source(config, 1);
  std::vector<Request> all;
  if (!source) {
    ADD_FAILURE() << format(source.error());
    return all;
  }
  while ((*source)->next_arrival() != kNever) all.push_back((*source)->take());
  return all;
}

std::vector<Request> random_requests(std::uint64_t seed) {
  WorkloadConfig config = RandomWorkload(seed).make();
  config.duration.reset();
  config.max_concurrency.reset();
  config.sessions.reset();
  config.num_prompts = 200;
  config.ignore_eos = true;
  return drain(config);
}

std::string plain_csv(const std::vector<Request>& requests) {
  std::string text = "arrival_s,input_tokens,output_tokens\n";
  for (const Request& r : requests) {
    const std::int64_t ns = r.arrival.time_since_epoch().count();
    text += fmt::format("{}.{:09},{},{}\n", ns / 1'000'000'000, ns % 1'000'000'000, r.prompt_tokens, r.output_tokens);
  }
  return text;
}

TEST(AnyTrace, ReplaysTheRequestsThatWroteIt) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto written = random_requests(seed);
    const TemporaryFile file(plain_csv(written));
    const auto replayed = drain(test::replaying(file.path()));
    ASSERT_EQ(replayed.size(), written.size()) << seed;
    for (std::size_t i = 0; i < written.size(); ++i) {
      ASSERT_EQ(replayed[i].arrival, written[i].arrival) << seed;
      ASSERT_EQ(replayed[i].prompt_tokens, written[i].prompt_tokens);
      ASSERT_EQ(replayed[i].output_tokens, written[i].output_tokens);
    }
  }
}

TEST(AnyTrace, IsTheSumOfItsSlices) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto written = random_requests(seed);
    const TemporaryFile file(plain_csv(written));
    const WorkloadConfig whole = test::replaying(file.path());
    const auto all = drain(whole);
    const Duration first = all.front().arrival.time_since_epoch(), last = all.back().arrival.time_since_epoch();
    const Duration cut = (first + last) / 2;
    if (cut <= first || cut >= last) continue;  // all at once
    WorkloadConfig early = whole, late = whole;
    std::get<TraceConfig>(early.arrivals).end = cut;
    std::get<TraceConfig>(late.arrivals).start = cut;
    const auto before = drain(early), after = drain(late);
    ASSERT_EQ(before.size() + after.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool is_late = i >= before.size();
      const Request& r = is_late ? after[i - before.size()] : before[i];
      ASSERT_EQ(r.arrival + (is_late ? cut : Duration{}), all[i].arrival);
      ASSERT_EQ(r.prompt_tokens, all[i].prompt_tokens);
    }
  }
}

TEST(AnyTrace, ScalesUndoEachOther) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto written = random_requests(seed);
    const TemporaryFile file(plain_csv(written));
    WorkloadConfig config = test::replaying(file.path());
    std::get<TraceConfig>(config.arrivals).time_scale = 8;
    const auto stretched = drain(config);
    for (std::size_t i = 0; i < written.size(); ++i) {
      const double ns = 8 * static_cast<double>(written[i].arrival.time_since_epoch().count());
      ASSERT_NEAR(static_cast<double>(stretched[i].arrival.time_since_epoch().count()), ns, 1 + ns * 1e-15);
    }
    std::get<TraceConfig>(config.arrivals).rate_scale = 8;
    const auto back = drain(config);
    for (std::size_t i = 0; i < written.size(); ++i) ASSERT_EQ(back[i].arrival, written[i].arrival);
  }
}

// Valid files of every format, then damaged at random: rows in order and in range, or
// diagnostics with their place.
TEST(AnyTrace, DamagedFilesGiveDiagnosticsOrARightTrace) {
  const std::vector<std::string> valid = {
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 "
      "18:17:04.0319600,31,8\n",
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log "
      "Type\n5,ChatGPT,472,18,490,log\n6,\"a,b\",1,0,1,log\n",
      "arrival_s,input_tokens,output_tokens\n0.5,1,2\n1e1,3,4\n11,5,6",
      "{\"timestamp\": 0, \"input_length\": 67, \"output_length\": 5, \"hash_ids\": [0, 1]}\n"
      "{\"timestamp\": 3000, \"input_length\": 73, \"output_length\": 4, \"hash_ids\": [0, 14]}\n",
      "{\"input_toks\": 20, \"output_toks\": 30, \"arrival_time_ns\": 0}\n{\"input_toks\": 2, \"output_toks\": 3, "
      "\"arrival_time_ns\": 15}\n"};
  using namespace std::string_view_literals;
  constexpr std::string_view kNasty = "0123456789-+.eE,\"{}[]:\n\r\t naif\0\xff"sv;
  int refused = 0, read = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    RandomWorkload random(seed);
    std::string text = valid[seed % valid.size()];
    for (std::int64_t changes = random.pick(0, 4); changes > 0 && !text.empty(); --changes) {
      const auto at = static_cast<std::size_t>(random.pick(0, static_cast<std::int64_t>(text.size()) - 1));
      const char c = kNasty[static_cast<std::size_t>(random.pick(0, static_cast<std::int64_t>(kNasty.size()) - 1))];
      switch (random.pick(0, 3)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        case 2:
          text.erase(at, static_cast<std::size_t>(random.pick(1, 5)));
          break;
        default:
          text.resize(at);
          break;
      }
    }
    const TemporaryFile file(text);
    const auto trace = read_trace(file.path(), "auto", seed % 3 == 0 ? kLengthsOnly : TraceExtent{});
    if (!trace) {
      ++refused;
      const Diagnostics problems = trace.error();
      ASSERT_TRUE(problems.has_errors());
      for (const Diagnostic& d : problems.items()) {
        ASSERT_EQ(d.where.file, file.path());
        ASSERT_FALSE(d.message.empty());
      }
      continue;
    }
    ++read;
    ASSERT_FALSE(trace->rows.empty());
    std::int64_t last = 0;
    for (const TraceRow& row : trace->rows) {
      ASSERT_GE(row.arrival_ns, last);
      ASSERT_GE(row.input, 1);
      ASSERT_GE(row.output, 1);
      last = row.arrival_ns;
    }
    if (trace->prefixes) {
      ASSERT_EQ(trace->prefixes->rows(), static_cast<std::int64_t>(trace->rows.size()));
    }
  }
  EXPECT_GT(refused, 400);
  EXPECT_GT(read, 400);
}

}  // namespace
}  // namespace foretoken
