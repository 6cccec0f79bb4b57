// Runs with the options that the commands have, so that the figures are theirs.
#include "studio/simulate.hpp"

#include <fmt/format.h>

#include "foretoken/experiment/run.hpp"
#include "foretoken/report/picture.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/compare.hpp"
#include "persistence/stored_result.hpp"
#include "report/chart/build.hpp"
#include "report/common.hpp"
#include "report/result_series.hpp"
#include "studio/rows.hpp"

namespace foretoken {
namespace {

struct Figure {
  const char* key;
  const char* label;
};
constexpr Figure kFigures[] = {{"p99_ttft_ms", "TTFT, 99th percentile"},
                               {"mean_ttft_ms", "TTFT, mean"},
                               {"p99_tpot_ms", "TPOT, 99th percentile"},
                               {"mean_tpot_ms", "TPOT, mean"},
                               {"p99_e2el_ms", "E2E latency, 99th percentile"},
                               {"request_throughput", "Requests per second"},
                               {"output_throughput", "Output tokens per second"},
                               {"tokens_per_s_per_gpu", "Output tokens/s per GPU"},
                               {"interactivity_tok_s", "Tokens/s per user"},
                               {"mean_num_requests_running", "Requests running, mean"},
                               {"max_kv_cache_usage_perc", "KV cache in use, most"},
                               {"mfu", "MFU"},
                               {"mbu", "MBU"},
                               {"cost_per_1m_output_tokens", "$ per million output tokens"}};

std::string text_of_figure(std::string_view key, double value) {
  const bool share = key == "mfu" || key == "mbu" || key == "max_kv_cache_usage_perc";
  return share ? percent(value) : with_unit_of(value, key);
}

RunOptions options_of(int threads, const std::atomic<bool>& stop) {
  RunOptions options;
  options.threads = threads;
  options.stop = &stop;
  options.model_band = true;
  options.attribution_groups = true;
  options.load_slots = true;
  return options;
}

// What `run --format json` prints, with what its page draws.
struct Run {
  RunResult result;
  Json document;
};
Result<Run> run_of(const Configuration& one, RunOptions options) {
  RunSeries series(kv_blocks_by_rank(*one.scenario));
  options.watchers = {&series};
  Result<RunResult> result = run_scenario(*one.scenario, options);
  if (!result) return result.error();
  Run run{std::move(*result), {}};
  run.document = to_json(run.result, {one.question, input_hashes(one.question, run.result.scenario)});
  if (!run.result.interrupted && run.result.feasible) {
    add_series(run.document, run.result, series);
    if (const Result<Explanation> why = explain(*one.scenario); why) add_explanation(run.document, *why);
  }
  return run;
}

// Figures of the summary, then the objectives, as cells of one column.
Json rows_of(const RunResult& result) {
  Rows rows(1);
  for (const SloVerdict& v : result.slo)
    rows.put(0, "slo " + v.line.expression, v.line.expression,
             {v.value, fmt::format("{} {}", v.ok ? "✓" : "✗", text_of_figure(v.line.metric, v.value)),
              v.ok ? "good" : "bad"});
  for (const Figure& f : kFigures)
    if (const double value = result.summary[f.key]; !std::isnan(value))
      rows.put(0, f.key, f.label, {value, text_of_figure(f.key, value)});
  return rows.take();
}

Json result_event(std::size_t c, const Run& run) {
  Json event = Json::object();
  event["config"] = static_cast<std::int64_t>(c);
  event["rows"] = rows_of(run.result);
  event["warnings"] = texts(run.result.warnings);
  event["seed"] = run.result.scenario.seed;
  event["scenario_sha256"] = run.document["scenario_sha256"];
  event["summary"] = run.document["summary"];
  event["charts"] = charts_json(run.document);
  return event;
}

Json difference_of(const MetricChange& m, std::string_view key) {
  const Interval& d = m.change.difference;
  Json cell = Json::object();
  cell["value"] = d.value;
  const double half = (d.high - d.low) / 2;
  cell["text"] =
      std::isfinite(half) ? fmt::format("{} ± {}", readable_signed(d.value), readable(half)) : readable_signed(d.value);
  cell["sure"] = m.is_sure();
  cell["metric"] = key;
  return cell;
}

Json compared_event(std::size_t c, const CompareResult& result) {
  Json event = Json::object();
  event["config"] = static_cast<std::int64_t>(c);
  event["replications"] = result.replications;
  event["pairing"] = to_string(result.pairing);
  event["warnings"] = texts(result.warnings);
  Json differences = Json::object();
  for (const MetricChange& m : result.metrics)
    for (const Figure& f : kFigures)
      if (m.metric == f.key) differences[f.key] = difference_of(m, f.key);
  for (const ObjectiveChange& o : result.objectives)
    differences["slo " + o.line.expression] = difference_of(o.change, o.line.metric);
  event["differences"] = std::move(differences);
  event["charts"] = charts_json(to_json(result));
  return event;
}

class Telling {
 public:
  Telling(Exchange& exchange, const std::vector<Configuration>& all, int threads)
      : exchange_(exchange), all_(all), options_(options_of(threads, exchange.gone())) {}

  void tell() {
    std::vector<bool> ran(all_.size());
    for (std::size_t c = 0; c < all_.size() && !exchange_.gone(); ++c) ran[c] = tell_run(c);
    for (std::size_t c = 1; c < all_.size() && !exchange_.gone(); ++c)
      if (ran[0] && ran[c]) tell_difference(c);
    exchange_.event("done", Json::object());
    exchange_.end();
  }

 private:
  RunOptions options(std::size_t c, const char* what) const {
    RunOptions options = options_;
    options.progress = [this, c, what](const Progress& progress) {
      Json json = Json::object();
      json["config"] = static_cast<std::int64_t>(c);
      json["what"] = what;
      json["requests"] = progress.requests;
      if (progress.expected) json["expected"] = *progress.expected;
      exchange_.progress(json);
    };
    return options;
  }

  void fail(std::size_t c, const std::string& why) const {
    Json json = Json::object();
    json["config"] = static_cast<std::int64_t>(c);
    json["problems"] = why;
    exchange_.event("failed", json);
  }

  bool tell_run(std::size_t c) const {
    if (!all_[c].scenario) {
      fail(c, all_[c].problems);
      return false;
    }
    const Result<Run> run = run_of(all_[c], options(c, "run"));
    if (!run || !run->result.feasible) {
      fail(c, run ? run->result.memory.verdict : format(run.error()));
      return false;
    }
    if (run->result.interrupted) return false;
    exchange_.event("result", result_event(c, *run));
    return true;
  }

  void tell_difference(std::size_t c) const {
    const Result<CompareResult> result =
        compare_scenarios({all_[0].question, all_[c].question}, options(c, "comparison"));
    if (!result)
      fail(c, format(result.error()));
    else if (!result->interrupted)
      exchange_.event("compared", compared_event(c, *result));
  }

  Exchange& exchange_;
  const std::vector<Configuration>& all_;
  RunOptions options_;
};

}  // namespace

void simulate_for(Exchange& exchange, const std::vector<Configuration>& configurations, int threads) {
  Telling(exchange, configurations, threads).tell();
}

Result<std::string> report_of(const std::vector<Configuration>& configurations, int threads,
                              const std::atomic<bool>& stop) {
  Diagnostics problems;
  for (std::size_t c = 0; c < configurations.size(); ++c)
    if (!configurations[c].scenario)
      problems.error({}, fmt::format("{}: {}", name_of_configuration(c), configurations[c].problems));
  if (problems.has_errors()) return problems;
  const RunOptions options = options_of(threads, stop);
  if (configurations.size() > 1) {
    const Result<CompareResult> result =
        compare_scenarios({configurations[0].question, configurations[1].question}, options);
    if (!result) return result.error();
    return result->interrupted ? std::string() : to_page(to_json(*result), to_text(*result));
  }
  const Result<Run> run = run_of(configurations.front(), options);
  if (!run) return run.error();
  return run->result.interrupted ? std::string() : to_page(run->document, to_text(run->result, {.full = true}));
}

}  // namespace foretoken
