// The closed forms of explain, check and batch, side by side.
#include "studio/estimate.hpp"

#include <fmt/format.h>

#include <cmath>

#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "report/chart/build.hpp"
#include "report/common.hpp"
#include "studio/rows.hpp"
#include "study/batch/operating_point.hpp"
#include "study/batch/static.hpp"
#include "study/check/bounds.hpp"

namespace foretoken {
namespace {

RowCell cell_of(double value, std::string_view metric) {
  return {value, std::isnan(value) ? "-" : with_unit_of(value, metric)};
}

void add_memory_rows(Rows& rows, std::size_t c, const Scenario& s, const Explanation& e) {
  if (s.deployment.level == CostLevel::affine) return;
  const double gib = e.memory.weights.value / kGiB;
  rows.put(c, "weights_gib", "Weights, per GPU", {gib, readable(gib) + " GiB"});
  if (!e.feasible) {
    rows.put(c, "fits", "Memory", {std::nan(""), "does not fit", "bad"});
    return;
  }
  const auto tokens = static_cast<double>(e.memory.kv_cache_size_tokens);
  rows.put(c, "kv_cache_size_tokens", "KV cache, tokens per replica and rank", {tokens, readable(tokens)});
}

void add_floor_rows(Rows& rows, std::size_t c, const Floors& floors) {
  rows.put(c, "floor_ttft_ms", "TTFT of a request alone", cell_of(floors.ttft_ms, "mean_ttft_ms"));
  rows.put(c, "floor_tpot_ms", "TPOT of a request alone", cell_of(floors.tpot_ms, "mean_tpot_ms"));
  rows.put(c, "floor_e2el_ms", "E2E latency of a request alone", cell_of(floors.e2el_ms, "mean_e2el_ms"));
}

void add_load_rows(Rows& rows, std::size_t c, const OperatingPoint& at) {
  const char* tone = at.overloaded ? "bad" : "plain";
  const auto estimated = [&](double value, std::string_view metric) {
    RowCell cell = cell_of(value, metric);
    if (!std::isnan(value)) cell.text = (at.prefixes_ignored ? "≲ " : "≈ ") + cell.text;
    cell.tone = tone;
    return cell;
  };
  rows.put(c, "running", "Requests running per rank, mean", {at.running, "≈ " + readable(at.running), tone});
  rows.put(c, "mean_tpot_ms", "TPOT, mean", estimated(at.tpot_ms, "mean_tpot_ms"));
  RowCell ttft = estimated(at.ttft_ms, "mean_ttft_ms");
  if (at.overloaded) ttft = {std::nan(""), "grows: more comes than goes", tone};
  rows.put(c, "mean_ttft_ms", "TTFT, mean, no queue", std::move(ttft));
  rows.put(c, "output_throughput", "Output tokens per second",
           {at.output_throughput, "≈ " + readable(at.output_throughput), tone});
  const double most = at.most_requests_per_second;
  rows.put(c, "most_requests_per_second", "Requests per second, at most",
           {most, (at.prefixes_ignored ? "≳ " : "≈ ") + readable(most), tone});
}

void add_bound_rows(Rows& rows, std::size_t c, const Scenario& s, const std::vector<Bound>& bounds) {
  for (std::size_t i = 0; i < s.slo.size(); ++i) {
    RowCell cell{std::nan(""), "not known without a simulation"};
    for (const Bound& bound : bounds) {
      if (bound.objective != i) continue;
      if (!std::isfinite(bound.value)) {
        cell = {std::nan(""), "✗ impossible", "bad"};
        break;
      }
      cell = {bound.value,
              fmt::format("{}; best {}", bound.impossible ? "✗ impossible" : "possible",
                          with_unit_of(bound.value, s.slo[i].metric)),
              bound.impossible ? "bad" : "plain"};
      if (bound.impossible) break;
    }
    rows.put(c, "bound " + s.slo[i].expression, s.slo[i].expression, std::move(cell));
  }
}

// TPOT and tokens/s over the batch, of all configurations: where each stands, and where it could.
class Tradeoff {
 public:
  Tradeoff() {
    chart_.name = "tradeoff";
    chart_.title = "What the batch does";
    chart_.caption =
        "A static batch of mean requests, in closed form: TPOT and throughput by its size. Dots: the mean batch that "
        "the "
        "load makes.";
    chart_.x = {"batch per rank", Axis::Scale::log, {}, 1.0, {}};
    chart_.panels.push_back({{"TPOT (ms)", Axis::Scale::linear, {}, 0.0, {}}, {}, {}});
    chart_.panels.push_back({{"output tokens/s", Axis::Scale::linear, {}, 0.0, {}}, {}, {}});
    chart_.table.head = {"configuration", "batch", "TPOT (ms)", "output tokens/s"};
  }

  void add(std::size_t c, const Scenario& s, const WorkloadSummary& w, const std::optional<OperatingPoint>& at) {
    const MeanRequest request{std::max<std::int64_t>(1, std::llround(w.mean_prompt_tokens)),
                              std::max<std::int64_t>(1, std::llround(w.mean_output_tokens))};
    const std::unique_ptr<CostModel> cost = make_cost_model(s.deployment);
    const std::int64_t most = std::min(s.engine.max_num_seqs, kv_limited_batch(s, request).value_or(kLargest));
    Series tpot, tps;
    for (std::int64_t size = 1; size <= std::min(most, kLargest); size *= 2) {
      const StaticBatch batch = static_batch(s, *cost, size, request);
      add_point(tpot, static_cast<double>(size), batch.tpot_ms);
      add_point(tps, static_cast<double>(size), batch.tps);
      chart_.table.rows.push_back(
          {name_of_configuration(c), readable(size), readable(batch.tpot_ms), readable(batch.tps)});
    }
    put(c, std::move(tpot), std::move(tps), Series::Mark::line);
    if (!at) return;
    Series here, gives;
    add_point(here, std::max(1.0, at->running), at->tpot_ms);
    add_point(gives, std::max(1.0, at->running), at->output_throughput);
    here.hollow = gives.hollow = at->overloaded;
    put(c, std::move(here), std::move(gives), Series::Mark::dots);
  }
  [[nodiscard]] Json take() const { return chart_.panels[0].series.empty() ? Json{} : to_json(chart_); }

 private:
  static constexpr std::int64_t kLargest = 4096;
  static void add_point(Series& series, double x, double y) {
    series.x.push_back(x);
    series.y.push_back(y);
  }
  void put(std::size_t c, Series tpot, Series tps, Series::Mark mark) {
    for (Series* series : {&tpot, &tps}) {
      series->name = name_of_configuration(c) + (mark == Series::Mark::dots ? ", this load" : "");
      series->color = c;
      series->mark = mark;
    }
    chart_.panels[0].series.push_back(std::move(tpot));
    chart_.panels[1].series.push_back(std::move(tps));
  }
  Chart chart_;
};

// Everything here prices a prompt chunk by chunk: with a tiny token budget that is no longer done at once.
std::string too_long_for_now(const Scenario& s, const WorkloadSummary& w) {
  constexpr double kMostChunks = 256;
  const double chunks =
      w.mean_prompt_tokens / static_cast<double>(std::max<std::int64_t>(1, s.engine.max_num_batched_tokens));
  if (!s.engine.enable_chunked_prefill || chunks <= kMostChunks) return {};
  return fmt::format(
      "a mean prompt goes through {} steps of max_num_batched_tokens = {}: a simulation has to say what that does",
      readable(std::ceil(chunks)), s.engine.max_num_batched_tokens);
}

std::string add_rows(Rows& rows, Tradeoff& tradeoff, Json& json, std::size_t c, const Scenario& s) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload) return format(workload.error());
  if (std::string why = too_long_for_now(s, *workload); !why.empty()) return why;
  const Result<Explanation> e = explain(s);
  if (!e) return format(e.error());
  add_memory_rows(rows, c, s, *e);
  json["charts"] = charts_json(to_json(*e));
  if (!e->feasible) return e->memory.verdict;
  add_floor_rows(rows, c, e->floors);
  const std::optional<OperatingPoint> at = operating_point(s, e->workload);
  if (at) add_load_rows(rows, c, *at);
  tradeoff.add(c, s, e->workload, at);
  if (const Diagnostics wrong = contradictions(s); wrong.has_errors()) return wrong.items().front().message;
  const Result<std::vector<Bound>> bounds = objective_bounds(s);
  if (!bounds) return format(bounds.error());
  add_bound_rows(rows, c, s, *bounds);
  Json sentences = Json::array();
  for (const Bound& bound : *bounds)
    if (bound.impossible) sentences.push_back(bound.text);
  json["impossible"] = std::move(sentences);
  return {};
}

}  // namespace

Json estimate(const std::vector<Configuration>& configurations, const Controls& controls) {
  Rows rows(configurations.size());
  Tradeoff tradeoff;
  Json list = Json::array();
  for (std::size_t c = 0; c < configurations.size(); ++c) {
    const Configuration& one = configurations[c];
    Json json = Json::object();
    json["warnings"] = texts(one.warnings);
    std::string problems = one.problems;
    if (one.scenario) {
      json["deployment"] = deployment_line(*one.scenario);
      json["values"] = controls.values(*one.scenario);
      problems = add_rows(rows, tradeoff, json, c, *one.scenario);
    }
    if (!problems.empty()) json["problems"] = problems;
    list.push_back(std::move(json));
  }
  Json document = Json::object();
  document["rows"] = rows.take();
  document["configs"] = std::move(list);
  document["tradeoff"] = tradeoff.take();
  return document;
}

}  // namespace foretoken
