// Files of others: traces, results of benchmark tools, stored results, shards, journals, fits.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/compare.hpp"
#include "fuzz/case.hpp"
#include "measurement/calibration/measured_run.hpp"
#include "persistence/stored_result.hpp"
#include "persistence/sweep_journal.hpp"
#include "persistence/sweep_store.hpp"
#include "report/difference_report.hpp"
#include "report/sweep_report.hpp"
#include "scenario/calibration_file.hpp"
#include "support/temporary_file.hpp"
#include "unit/measurement/synthetic_results.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

using namespace foretoken::fuzz;

// One file, written anew for every case.
class Scratch {
 public:
  explicit Scratch(const std::string& suffix) : file_("", suffix) {}
  const std::string& with(const std::string& text) const {
    std::ofstream(file_.path(), std::ios::binary | std::ios::trunc) << text;
    return file_.path();
  }

 private:
  test::TemporaryFile file_;
};

const std::vector<std::string>& traces() {
  static const std::vector<std::string> all{
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 "
      "18:17:04.0319600,3180,8\n"
      "2023-11-16 18:17:04.0781520,110,27\n2024-02-29 23:59:59.9999999+05:30,1,1\n",
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,1,2,ChatGPT,472,18,490,Conversation log\n45,1,3,ChatGPT,1087,230,1317,\"API, "
      "log\"\n118,2,1,GPT-4,417,0,417,x\n",
      "arrival_s,input_tokens,output_tokens\n0,512,64\n0.25,1024,128\n3.5,1,1\n1e3,7,9\n",
      "{\"timestamp\": 0, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46, 47, 48]}\n"
      "{\"timestamp\": 0, \"input_length\": 500, \"output_length\": 5, \"hash_ids\": [46]}\n"
      "{\"timestamp\": 3000, \"input_length\": 1500, \"output_length\": 25, \"hash_ids\": [46, 47, 2]}\n",
      "{\"input_toks\": 10, \"output_toks\": 20, \"arrival_time_ns\": 100}\n"
      "{\"input_toks\": 30, \"output_toks\": 4, \"arrival_time_ns\": 2000000000}\n"};
  return all;
}

TEST(Fuzz, DamagedTracesAreReadOrRefused) {
  const Scratch scratch(".csv");
  run_cases("trace", 1000, [&](RandomStream& random) {
    const std::string& path = scratch.with(damaged(one_of(random, traces()), random));
    TraceConfig config;
    config.path = path;
    config.format = one_of(random, {"auto", "auto", "auto", "azure", "burstgpt", "csv", "mooncake", "sharegpt", "x"});
    if (below(random, 4) == 0) config.start = Duration{random.uniform_int(0, 4'000'000'000)};
    if (below(random, 4) == 0) config.end = Duration{random.uniform_int(0, 4'000'000'000)};
    config.rate_scale = below(random, 4) == 0 ? 1e-9 : 1;
    Result<TraceCursor> cursor = open_trace(config, std::nullopt);
    if (!cursor) return expect_well_said(cursor.error());
    TimePoint last{};
    for (; cursor->next_time() != kNever; cursor->advance()) {
      EXPECT_GE(cursor->next_time(), last);
      EXPECT_GT(cursor->row().input, 0);
      EXPECT_GT(cursor->row().output, 0);
      last = cursor->next_time();
    }
    const Result<Trace> lengths = read_trace(path, config.format, kLengthsOnly);
    if (!lengths) expect_well_said(lengths.error());
  });
}

std::vector<std::string> foreign_results() {
  const std::vector<test::SyntheticRequest> requests{
      {100, 11, 0, 0.05, 0.25}, {200, 21, 1, 0.06, 0.46}, {300, 2, 3, 0.07, 0.08}, {50, 1, 4, 0.01, 0.01}};
  return {
      to_text(test::vllm_detailed(requests)),
      to_text(test::sglang_line(requests), 0) + "\n",
      to_text(test::guidellm_report(requests)),
      test::aiperf_records(requests),
      R"({"completed": 200, "failed": 1, "request_throughput": 8.2, "request_rate": 8, "max_concurrency": 16,
              "total_input_tokens": 20000, "total_output_tokens": 9000, "mean_ttft_ms": 51.2, "p99_ttft_ms": 99.5,
              "mean_tpot_ms": 12.1, "mean_itl_ms": 12.4, "mean_e2el_ms": 700.0, "model_id": "meta-llama/Llama-3.1-8B"})",
      R"({"request_latency": {"unit": "ms", "avg": 700, "p50": 650, "p99": 990}, "time_to_first_token": {"unit": "ms",
              "avg": 50, "p50": 48}, "inter_token_latency": {"unit": "ms", "avg": 12, "p50": 11},
              "input_sequence_length": {"unit": "tokens", "avg": 100}, "output_sequence_length": {"unit": "tokens", "avg": 50},
              "request_count": {"unit": "requests", "avg": 100}, "request_throughput": {"unit": "requests/sec", "avg": 8}})"};
}

TEST(Fuzz, DamagedResultsOfBenchmarkToolsAreReadOrRefused) {
  const Scratch scratch(".json");
  const std::vector<std::string> texts = foreign_results();
  run_cases("measured", 750, [&](RandomStream& random) {
    const Result<std::vector<MeasuredRun>> runs = read_measured(scratch.with(damaged(one_of(random, texts), random)));
    if (!runs) return expect_well_said(runs.error());
    for (const MeasuredRun& run : *runs) {
      for (const MeasuredRequest& r : run.requests) {
        EXPECT_GE(r.prompt_tokens, 0);
        EXPECT_GE(r.output_tokens, 0);
        EXPECT_GE(r.ttft_ms, 0);
        EXPECT_GE(r.e2e_ms, 0);
      }
      for (const MeasuredFigure& f : run.figures) EXPECT_GE(f.milliseconds, 0);
    }
  });
}

constexpr const char* kScenario = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 256, random_output_len: 8, num_prompts: 20, request_rate: 10}
slo: [p99_ttft <= 500 ms]
sweep: {engine.max_num_seqs: [1, 4], workload.request_rate: [5, 10]}
)";

Scenario small() {
  return parse_scenario(kScenario, "small.yaml", {}).value();
}

TEST(Fuzz, DamagedStoredResultsAreReadOrRefused) {
  const Scratch scratch(".json");
  Scenario scenario = small();
  scenario.sweep.clear();
  const Question question{kScenario, "small.yaml"};
  const Json whole = to_json(run_scenario(scenario).value(), {question, input_hashes(question, scenario)});
  const std::string text = to_text(whole) + "\n";
  run_cases("stored result", 800, [&](RandomStream& random) {
    const std::string broken = damaged(text, random);
    const Result<StoredResult> stored = read_result(scratch.with(broken));
    if (!stored) return expect_well_said(stored.error());
    const ResultDifference d = difference(whole, stored->document);
    EXPECT_EQ(d.none(), whole == stored->document);
    EXPECT_EQ(to_text(d).find('\x1b'), std::string::npos);
    EXPECT_FALSE(to_text(to_json(d)).empty());
    if (const auto made_from = provenance_of(stored->document)) {
      const Result<Scenario> again = made_from->question.scenario();
      if (!again) expect_well_said(again.error());
    }
    const Result<CompareResult> compared = compare_results({text, "a.json"}, {broken, "b.json"});
    if (!compared) expect_well_said(compared.error());
  });
}

struct SmallSweep {
  SweepFileHead head;
  std::string lines;
};

SmallSweep small_sweep() {
  const SweepQuestion question{{kScenario, "small.yaml"}, small()};
  const SweepResult result = run_sweep(question, {}).value();
  SmallSweep sweep;
  sweep.head.identity = {question_sha256(question.asked).value(), std::string(version()), result.base.seed, 0, 1};
  sweep.head.head = sweep_head(result.base);
  sweep.head.axes = result.axes;
  sweep.lines = head_line(sweep.head);
  for (std::size_t i = 0; i < result.points.size(); ++i) sweep.lines += point_line(i, result.points[i]);
  return sweep;
}

TEST(Fuzz, DamagedShardsAndJournalsAreReadOrRefused) {
  const Scratch scratch(".jsonl");
  const SmallSweep sweep = small_sweep();
  run_cases("shard", 800, [&](RandomStream& random) {
    const std::string& path = scratch.with(damaged(sweep.lines, random));
    const Result<SweepTable> table = merge_sweeps({path});
    if (table) {
      EXPECT_EQ(table->points.size(), 4u);
    } else {
      expect_well_said(table.error());
    }
    Diagnostics warnings;
    const Result<SweepJournal> journal = SweepJournal::open(path, sweep.head, warnings);
    if (journal) {
      EXPECT_LE(journal->known().size(), 4u);
    } else {
      expect_well_said(journal.error());
    }
  });
}

constexpr const char* kFit = R"(foretoken_calibration: 1
foretoken: 0.1.0
fitted: 2026-01-01
deployment: {model: Llama-3.1-8B, gpu: h100_sxm}
terms:
  memory_efficiency: {value: 0.85, standard_error: 0.01, default: 1, least: 0.3, most: 3}
  per_step: {value: 450 us, standard_error: 20 us, default: 500 us}
measured: []
)";

TEST(Fuzz, DamagedFitsAreReadOrRefused) {
  const Scratch scratch(".yaml");
  run_cases("fit", 800, [&](RandomStream& random) {
    LoadOptions options;
    options.overrides = {"cost.calibration=" + scratch.with(damaged(kFit, random))};
    const Result<Scenario> scenario = parse_scenario(kScenario, "small.yaml", options);
    if (!scenario) expect_well_said(scenario.error());
  });
}

}  // namespace
}  // namespace foretoken
