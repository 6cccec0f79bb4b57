// Trace events of a run, read back.
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/run.hpp"
#include "report/timeline/timeline_file.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

// Two replicas with few KV blocks: steps of all kinds, and preemptions.
constexpr const char* kTimelineText = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
replicas: 2
engine: {name: vllm-v1, num_gpu_blocks_override: 140, max_num_seqs: 32, max_model_len: 1024}
workload: {random_input_len: 200, random_output_len: 200, num_prompts: 120, request_rate: 200}
)";

struct Written {
  Json document;
  std::string left_out;
  RunResult run;
  [[nodiscard]] std::vector<Json> events(std::string_view phase) const {
    std::vector<Json> found;
    for (const Json& e : *document["traceEvents"].if_array())
      if (*e["ph"].if_string() == phase) found.push_back(e);
    return found;
  }
};

Written write_timeline(TimelineOptions options) {
  test::TemporaryFile file("", ".json");
  Result<TimelineFile> timeline = TimelineFile::create(file.path(), options);
  const Result<Scenario> scenario = parse_scenario(kTimelineText, "test.yaml", LoadOptions{});
  RunOptions run_options;
  run_options.watchers = {&timeline.value()};
  Written written;
  written.run = run_scenario(scenario.value(), run_options).value();
  EXPECT_TRUE(timeline->commit().empty());
  written.left_out = timeline->left_out();
  std::ifstream stream(file.path());
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  written.document = parse_json(text, file.path()).value();
  return written;
}

double number(const Json& value) {
  double out = std::nan("");
  (void)value.number(out);
  return out;
}

TEST(Timeline, HasEveryStepOnceWithAllItsTokens) {
  const Written w = write_timeline({});
  std::int64_t prefill = 0, decode = 0, steps = 0;
  std::map<double, double> end;  // by replica: slices of a thread must not overlap
  for (const Json& e : w.events("X")) {
    ++steps;
    prefill += *e["args"]["prefill_tokens"].if_int();
    decode += *e["args"]["decode_tokens"].if_int();
    double& last = end[number(e["pid"])];
    EXPECT_GE(number(e["ts"]), last - 1e-6);
    last = number(e["ts"]) + number(e["dur"]);
  }
  std::int64_t all_steps = 0, all_prefill = 0, all_decode = 0;
  for (const ReplicaTotals& r : w.run.replications[0].outcome.replicas) {
    all_steps += r.steps;
    all_prefill += r.prefill_tokens;
    all_decode += r.decode_tokens;
  }
  EXPECT_EQ(steps, all_steps);
  EXPECT_EQ(prefill, all_prefill);
  EXPECT_EQ(decode, all_decode);
  EXPECT_EQ(end.size(), 2U);
  EXPECT_EQ(w.left_out, "");
}

TEST(Timeline, HasEveryRequestFromArrivalToFinishAndEveryPreemption) {
  const Written w = write_timeline({});
  std::map<double, std::vector<std::pair<std::string, double>>> open;
  std::size_t requests = 0;
  for (const Json& e : *w.document["traceEvents"].if_array()) {
    const std::string phase = *e["ph"].if_string();
    if (phase != "b" && phase != "e") continue;
    auto& stack = open[number(e["id"])];
    if (phase == "b") {
      requests += stack.empty();
      stack.emplace_back(*e["name"].if_string(), number(e["ts"]));
      continue;
    }
    ASSERT_FALSE(stack.empty());
    EXPECT_EQ(stack.back().first, *e["name"].if_string());
    EXPECT_LE(stack.back().second, number(e["ts"]));
    stack.pop_back();
  }
  EXPECT_EQ(requests, 120U);
  for (const auto& [id, stack] : open) EXPECT_TRUE(stack.empty()) << id;
  std::int64_t preemptions = 0;
  for (const ReplicaTotals& r : w.run.replications[0].outcome.replicas) preemptions += r.preemptions;
  EXPECT_GT(preemptions, 0);
  EXPECT_EQ(static_cast<std::int64_t>(w.events("i").size()), preemptions);
}

TEST(Timeline, KeepsToItsWindow) {
  TimelineOptions options = parse_timeline_window("0.2:0.3").value();
  const Written w = write_timeline(options);
  ASSERT_FALSE(w.events("X").empty());
  for (const Json& e : w.events("X")) {
    EXPECT_GE(number(e["ts"]) + number(e["dur"]), 0.2e6);
    EXPECT_LE(number(e["ts"]), 0.3e6);
  }
  EXPECT_LT(w.events("X").size(), write_timeline({}).events("X").size());
}

TEST(Timeline, SaysWhatItLeavesOutWhenItIsFull) {
  TimelineOptions options;
  options.most_events = 100;
  const Written w = write_timeline(options);
  const std::size_t all = write_timeline({}).document["traceEvents"].if_array()->size();
  EXPECT_LE(*w.document["otherData"]["events"].if_int(), 100);
  EXPECT_THAT(w.left_out, HasSubstr("more, from"));
  const std::int64_t names = static_cast<std::int64_t>(w.events("M").size());
  const std::int64_t known =
      *w.document["otherData"]["events"].if_int() + *w.document["otherData"]["left_out"].if_int();
  // Counters are written when they change since the last ones written, so that a full file counts a few more.
  EXPECT_GE(known + names, static_cast<std::int64_t>(all));
}

// google/perfetto, trace_processor: json_trace_tokenizer.cc and json_trace_parser_impl.cc. What does
// not keep these is counted as a failure there and left out of the picture.
TEST(Timeline, KeepsTheRulesOfPerfettosImporter) {
  const Written w = write_timeline({});
  const Json::Object& root = *w.document.if_object();
  EXPECT_EQ(root.front().first, "displayTimeUnit") << "later it would come too late";
  for (const auto& [key, value] : root)
    EXPECT_THAT(key, ::testing::AnyOf("displayTimeUnit", "traceEvents", "otherData")) << "hides what follows";
  const auto whole = [](const Json& value) { return value.if_int() != nullptr && *value.if_int() >= 0; };
  const auto ns = [](const Json& micros) { return std::llround(number(micros) * 1000); };
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> busy_until;
  for (const Json& e : *w.document["traceEvents"].if_array()) {
    const std::string phase = *e["ph"].if_string();
    ASSERT_EQ(phase.size(), 1U);
    ASSERT_TRUE(whole(e["pid"])) << to_text(e, 0);
    if (phase != "M") {
      ASSERT_TRUE(std::isfinite(number(e["ts"]))) << to_text(e, 0);
    }
    if (phase == "b" || phase == "e") {
      ASSERT_TRUE(whole(e["id"]) && e["cat"].if_string() != nullptr) << to_text(e, 0);
    }
    if (phase == "i") {
      ASSERT_TRUE(*e["s"].if_string() == "t" && whole(e["tid"])) << to_text(e, 0);
    }
    if (phase == "C") {
      for (const auto& [name, value] : *e["args"].if_object()) ASSERT_TRUE(std::isfinite(number(value))) << name;
    }
    if (phase != "X") continue;
    ASSERT_TRUE(std::isfinite(number(e["dur"])) && whole(e["tid"])) << to_text(e, 0);
    std::int64_t& until = busy_until[{*e["pid"].if_int(), *e["tid"].if_int()}];
    EXPECT_GE(ns(e["ts"]), until) << "slices of a thread that overlap without nesting are dropped";
    until = ns(e["ts"]) + ns(e["dur"]);
  }
}

TEST(Timeline, WindowsAreReadOrRefusedWithAHint) {
  EXPECT_EQ(parse_timeline_window("1.5:").value().from, TimePoint{std::chrono::milliseconds{1500}});
  EXPECT_EQ(parse_timeline_window(":2").value().to, TimePoint{std::chrono::seconds{2}});
  for (const char* bad : {"", ":", "3", "a:b", "5:2", "-1:2", "1:2:3"}) {
    const auto window = parse_timeline_window(bad);
    ASSERT_FALSE(window) << bad;
    EXPECT_THAT(format(window.error()), HasSubstr("hint: write FROM:TO"));
  }
}

}  // namespace
}  // namespace foretoken
