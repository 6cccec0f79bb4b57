// Simulates a recorded run and compares it per request and per second.
#include "measurement/accuracy/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "foretoken/base/statistics.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "foretoken/serving/simulation.hpp"
#include "measurement/accuracy/engine_fields.hpp"
#include "measurement/accuracy/recording.hpp"
#include "measurement/tables/csv_table.hpp"
#include "measurement/tables/names.hpp"

namespace foretoken {
namespace {

constexpr double kNano = 1e-9;
constexpr double kMilli = 1e-3;

// The name that the folder's begins with and the catalog knows, or empty.
std::string gpu_of_folder(const std::string& folder, const NameTable& names, const Catalog& catalog) {
  const std::filesystem::path path(folder);
  std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
  for (; !name.empty(); name = name.substr(0, name.rfind('-'))) {
    if (catalog.gpu(names.gpu(name))) return names.gpu(name);
    if (name.find('-') == std::string::npos) break;
  }
  return {};
}

std::string engine_text(const Recording& recording, std::vector<std::string>& not_modelled) {
  std::string text = "engine:\n";
  for (const EngineField& field : engine_fields(recording, not_modelled))
    text += fmt::format("  {}: {}\n", field.name, field.value);
  return text;
}

Result<Scenario> scenario_of(const Recording& recording, const std::string& gpu, const NameTable& names,
                             const std::string& folder, const AccuracyOptions& options,
                             std::vector<std::string>& not_modelled) {
  // The recorder gives token ids to the engine and stamps them in front of it.
  constexpr std::string_view kTokensGiven = "cost: {per_request: 0 s, per_prompt_token: 0 s}\n";
  const std::string text = fmt::format("model: {}\nhardware: {{gpu: {}}}\n{}workload: {{num_prompts: {}}}\n{}",
                                       to_text(Json(names.model(recording.model)), 0), to_text(Json(gpu), 0),
                                       engine_text(recording, not_modelled), recording.requests.size(), kTokensGiven);
  return parse_scenario(text, fmt::format("{}: scenario of meta.json", folder), {{}, options.catalog_dir});
}

std::vector<Request> requests_of(const Recording& recording) {
  std::vector<Request> requests;
  const double start = recording.requests.front().arrival;
  for (const RecordedRequest& r : recording.requests) {
    Request request;
    request.arrival = TimePoint(Duration(std::llround((r.arrival - start) / kNano)));
    request.prompt_tokens = static_cast<std::int32_t>(r.prompt_tokens);
    request.output_tokens = static_cast<std::int32_t>(r.output_tokens);
    request.max_tokens = request.output_tokens;
    requests.push_back(request);
  }
  return requests;
}

double seconds(TimePoint t) {
  return static_cast<double>(t.time_since_epoch().count()) * kNano;
}

// Every request's stamps, and the share of KV blocks at the seconds of the recording.
class Recorder final : public Observer {
 public:
  Recorder(std::size_t requests, const std::vector<RecordedSecond>& at, std::int64_t blocks)
      : records_(requests), at_(at), blocks_(blocks), kv_percent_(at.size(), 0) {}

  void on_request(const RequestRecord& record) override {
    records_[static_cast<std::size_t>(record.request.index)] = record;
  }
  void on_steps(const StepSpan& span) override {
    // The last step that began before a second stands for it.
    while (next_ < at_.size() && at_[next_].time < seconds(span.begin)) kv_percent_[next_++] = last_percent_;
    last_percent_ =
        100 * static_cast<double>(span.kv_blocks_used) / static_cast<double>(std::max<std::int64_t>(1, blocks_));
  }
  void on_gap(Duration, std::int64_t) override {}

  [[nodiscard]] const std::vector<RequestRecord>& records() const { return records_; }
  [[nodiscard]] const std::vector<double>& kv_percent() const { return kv_percent_; }

 private:
  std::vector<RequestRecord> records_;
  const std::vector<RecordedSecond>& at_;
  std::int64_t blocks_;
  std::vector<double> kv_percent_;
  std::size_t next_ = 0;
  double last_percent_ = 0;
};

RequestTimes times(double arrival, double first, double last, std::int64_t output_tokens) {
  const double tpot = output_tokens > 1 ? (last - first) / static_cast<double>(output_tokens - 1) : std::nan("");
  return {(first - arrival) / kMilli, tpot / kMilli, (last - arrival) / kMilli};
}

ReplayDistribution distribution_of(const std::vector<ReplayRequest>& requests, std::size_t metric) {
  ReplayDistribution d;
  d.metric = static_cast<ReplayMetric>(metric);
  std::vector<double> measured, predicted;
  std::vector<ErrorSample> errors;
  for (const ReplayRequest& r : requests) {
    const double m = r.measured[metric];
    const double p = r.predicted[metric];
    if (std::isnan(m) || std::isnan(p)) continue;
    measured.push_back(m);
    predicted.push_back(p);
    if (m > 0) errors.push_back({(p / m - 1) * 100, r.id, {}});
  }
  d.per_request = error_statistics(errors);
  if (measured.empty()) return d;
  const auto mean = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  };
  d.lines.push_back({"mean", mean(measured), mean(predicted)});
  std::sort(measured.begin(), measured.end());
  std::sort(predicted.begin(), predicted.end());
  for (const auto& [name, q] : {std::pair("p50", 0.5), std::pair("p90", 0.9), std::pair("p99", 0.99)}) {
    d.lines.push_back({name, percentile_of_sorted(measured, q), percentile_of_sorted(predicted, q)});
  }
  return d;
}

void finish_series(ReplaySeries& series) {
  const auto n = static_cast<double>(series.measured.size());
  for (std::size_t i = 0; i < series.measured.size(); ++i) {
    series.mean_measured += series.measured[i] / n;
    series.mean_predicted += series.predicted[i] / n;
    series.mean_distance += std::abs(series.measured[i] - series.predicted[i]) / n;
  }
}

// Requests in service and in the queue at each second, from the stamps.
void count_series(const Recording& recording, const Recorder& recorder, ReplayAccuracy& result) {
  ReplaySeries running{"running", {}, {}, 0, 0, 0};
  ReplaySeries waiting{"waiting", {}, {}, 0, 0, 0};
  ReplaySeries kv{"kv_cache_pct", {}, recorder.kv_percent(), 0, 0, 0};
  bool any_kv = false;
  for (const RecordedSecond& s : recording.seconds) {
    double in_service = 0, in_queue = 0;
    for (const RequestRecord& r : recorder.records()) {
      if (seconds(r.scheduled) <= s.time && s.time < seconds(r.finish)) in_service += 1;
      if (seconds(r.request.arrival) <= s.time && s.time < seconds(r.scheduled)) in_queue += 1;
    }
    result.seconds.push_back(s.time);
    running.measured.push_back(s.running);
    running.predicted.push_back(in_service);
    waiting.measured.push_back(s.waiting);
    waiting.predicted.push_back(in_queue);
    kv.measured.push_back(s.kv_percent);
    any_kv |= s.kv_percent > 0;
  }
  result.series = {running, waiting};
  if (any_kv) result.series.push_back(kv);
  for (ReplaySeries& series : result.series) finish_series(series);
}

Diagnostics replay(const Recording& recording, const Scenario& scenario, ReplayAccuracy& result) {
  Diagnostics problems;
  const MemoryPlan plan = plan_memory(scenario.deployment, scenario.memory);
  if (!plan.fits) {
    problems.error({result.path, 0, 0}, plan.verdict);
    return problems;
  }
  const auto source = make_fixed_source(requests_of(recording));
  const std::unique_ptr<CostModel> cost = make_cost_model(scenario.deployment);
  SimulationConfig config;
  config.engine = scenario.engine;
  config.cluster = scenario.cluster;
  config.every_step = true;
  Recorder recorder(recording.requests.size(), recording.seconds, scenario.engine.usable_blocks());
  const SimulationOutcome outcome = simulate(config, *source, *cost, recorder);
  if (outcome.rejected > 0) {
    problems.error({result.path, 0, 0},
                   fmt::format("{} of {} requests do not fit the engine's limits", outcome.rejected, outcome.arrived));
    return problems;
  }
  const double start = recording.requests.front().arrival;
  for (std::size_t i = 0; i < recording.requests.size(); ++i) {
    const RecordedRequest& m = recording.requests[i];
    const RequestRecord& p = recorder.records()[i];
    result.requests.push_back(
        {m.id, m.arrival - start, times(m.arrival, m.first_token, m.last_token, m.output_tokens),
         times(seconds(p.request.arrival), seconds(p.first_token), seconds(p.finish), p.request.output_tokens)});
  }
  for (std::size_t m = 0; m < kReplayMetrics; ++m) result.distributions.push_back(distribution_of(result.requests, m));
  count_series(recording, recorder, result);
  return problems;
}

}  // namespace

std::string_view to_string(ReplayMetric metric) {
  constexpr std::array<std::string_view, kReplayMetrics> kNames = {"ttft_ms", "tpot_ms", "e2e_ms"};
  return kNames[static_cast<std::size_t>(metric)];
}

Result<ReplayAccuracy> compare_replay(const std::string& folder, const std::string& gpu,
                                      const AccuracyOptions& options) {
  const Result<Recording> recording = read_recording(folder);
  const Result<NameTable> names = NameTable::open(options.names_path, folder);
  Diagnostics problems;
  if (!recording) problems.append(recording.error());
  if (!names) problems.append(names.error());
  if (problems.has_errors()) return problems;

  const Catalog catalog(options.catalog_dir);
  const std::string card = gpu.empty() ? gpu_of_folder(folder, *names, catalog) : names->gpu(gpu);
  if (card.empty()) {
    problems.error({folder, 0, 0}, "which GPU the run used is not in meta.json, and the folder's name begins with none",
                   "give --gpu NAME: `foretoken catalog gpus` lists them");
    return problems;
  }
  ReplayAccuracy result;
  result.path = folder;
  result.clock_offset_seconds = recording->clock_offset;
  const Result<Scenario> scenario = scenario_of(*recording, card, *names, folder, options, result.not_modelled);
  if (!scenario) return scenario.error();
  result.deployment =
      fmt::format("{} on {} x {}, vLLM {}, max_num_seqs {}, max_num_batched_tokens {}", scenario->deployment.model.id,
                  scenario->num_gpus, scenario->deployment.gpu.id, recording->version, scenario->engine.max_num_seqs,
                  scenario->engine.max_num_batched_tokens);
  problems = replay(*recording, *scenario, result);
  if (problems.has_errors()) return problems;
  return result;
}

}  // namespace foretoken
