// A capacity for every cell of a small grid of lengths. Rows run side by side; a cell starts where its neighbour ended.
#include "study/capacity/promise.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>

#include "experiment/parallel.hpp"
#include "study/capacity/answer.hpp"
#include "study/capacity/look.hpp"
#include "study/capacity/promise_context.hpp"
#include "study/capacity/range.hpp"

namespace foretoken {
namespace {

// A cell needs no closer answer than its precision, and its verdicts no more than this.
constexpr std::int64_t kReplicationsOfACell = 10;
constexpr std::int64_t kLeastPrompt = 128, kLeastOutput = 32;

class PromiseStudy {
 public:
  PromiseStudy(const Question& question, const RunOptions& options) : question_(question), options_(options) {
    if (options.progress) {
      options_.progress = nullptr;  // of all cells together, not of each
      report_ = options.progress;
    }
  }

  Diagnostics fill(PromiseResult& r) {
    const std::size_t columns = r.outputs.size();
    r.cells.resize(r.prompts.size() * columns);
    std::vector<Diagnostics> problems(r.prompts.size());
    std::atomic<std::int64_t> done{0};
    std::mutex mutex;
    parallel_for(r.prompts.size(), options_.threads, [&](std::size_t row) {
      double ratio = 1;  // capacity over estimate, of the cell before
      for (std::size_t column = 0; column < columns; ++column) {
        PromiseCell& cell = r.cells[row * columns + column];
        cell.prompt = r.prompts[row];
        cell.output = r.outputs[column];
        problems[row].append(fill_cell(r.scenario, cell, ratio));
        if (!report_) continue;
        const std::lock_guard lock(mutex);
        report_({done += cell.requests, std::nullopt});
      }
    });
    Diagnostics all;
    for (const Diagnostics& p : problems) all.append(p);
    return all;
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

  Diagnostics fill_cell(const Scenario& base, PromiseCell& cell, double& ratio) {
    if (cell.prompt + cell.output > max_model_len_of(base)) {
      cell.skipped = true;
      cell.reason = fmt::format("longer than engine.max_model_len {}", max_model_len_of(base));
      return {};
    }
    if (stopped()) {
      cell.skipped = true;
      cell.reason = "interrupted";
      return {};
    }
    RunOptions alone = options_;
    alone.threads = 1;
    LoadJudge judge(question_.with(lengths_of(cell.prompt, cell.output)), alone, kReplicationsOfACell);
    const Result<Scenario> scenario = judge.scenario_with({});
    if (!scenario) return scenario.error();
    const Result<LoadKnob> knob = load_knob(*scenario);
    if (!knob) return knob.error();
    const Result<Explanation> explanation = explain(*scenario);
    if (!explanation) return explanation.error();
    const LoadEstimate estimate = estimate_of(*scenario, *explanation);
    SearchRange range = range_of(*scenario, *knob, estimate);
    range.precision = base.promise.precision;
    range.check_from = 1;
    range.also.reset();
    const double likely = knob->whole ? estimate.seats : estimate.requests_per_second;
    range.start = ratio * likely;
    const Result<Scenario> least = judge.scenario_with(knob->set(range.least));
    if (!least) return least.error();
    const Result<std::optional<Bound>> impossible = impossible_alone(*least);
    if (!impossible) return impossible.error();
    if (*impossible) {
      cell.outcome = CapacityOutcome::nothing_meets;
      cell.reason = (*impossible)->text;
      cell.binding = (*impossible)->objective;
      return {};
    }
    Diagnostics problems = search(judge, *knob, range, cell);
    if (cell.capacity) ratio = *cell.capacity / likely;
    return problems;
  }

  static Diagnostics search(LoadJudge& judge, const LoadKnob& knob, const SearchRange& range, PromiseCell& cell) {
    CapacityResult looks;
    Diagnostics problems;
    const auto look = [&](double load) -> std::optional<LoadSide> {
      Result<CapacityLook> at = judge(load, knob.set(load));
      if (!at) problems = at.error();
      if (!at || (!at->verdict && !at->bound)) return std::nullopt;
      const LoadSide side = side_of(*at);
      looks.looks.push_back(std::move(*at));
      return side;
    };
    LoadSearch search(range, look);
    search.run();
    cell.requests = judge.requests();
    const Result<Scenario> scenario = judge.scenario_with({});
    looks.scenario = *scenario;
    looks.unit = knob.unit;
    conclude(looks, search, range);
    cell.outcome = looks.outcome;
    cell.capacity = looks.capacity;
    cell.missed = looks.missed;
    cell.reason = looks.reason;
    cell.binding = looks.binding;
    return problems;
  }

  const Question& question_;
  RunOptions options_;
  std::function<void(const Progress&)> report_;
};

Diagnostics problems_of(const Scenario& s, const Question& question) {
  Diagnostics problems = capacity_problems(question, s);
  if (std::holds_alternative<TraceConfig>(s.workload.arrivals))
    problems.error(question.whole(), "a trace has its own lengths, so nothing can be promised by length",
                   "--set workload.trace=null --set workload.request_rate=10 asks about requests of one length each");
  return problems;
}

}  // namespace

std::vector<std::int64_t> default_lengths(std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t length = least; length < most; length *= 4) lengths.push_back(length);
  if (lengths.empty()) lengths.push_back(std::max<std::int64_t>(1, most));
  return lengths;
}

Result<PromiseResult> find_promises(const Question& question, const Scenario& scenario, const RunOptions& options) {
  if (Diagnostics problems = problems_of(scenario, question); problems.has_errors()) return problems;
  const Result<LoadKnob> knob = load_knob(scenario);
  if (!knob) return knob.error();
  const Result<Explanation> explanation = explain(scenario);
  if (!explanation) return explanation.error();
  PromiseResult r;
  r.scenario = scenario;
  r.memory = explanation->memory;
  r.feasible = explanation->feasible;
  r.variable = knob->variable;
  r.unit = knob->unit;
  if (!r.feasible) return r;
  r.band = model_band(*explanation);
  const std::int64_t longest = max_model_len_of(scenario);
  r.prompts = scenario.promise.input_len.empty() ? default_lengths(kLeastPrompt, longest) : scenario.promise.input_len;
  r.outputs =
      scenario.promise.output_len.empty() ? default_lengths(kLeastOutput, longest / 4) : scenario.promise.output_len;
  r.by_memory = contexts_by_memory(scenario);
  PromiseStudy study(question, options);
  if (Diagnostics problems = study.fill(r); problems.has_errors()) return problems;
  for (const PromiseCell& cell : r.cells) r.requests += cell.requests;
  if (Diagnostics problems = longest_by_slo(r, question, *knob, options); problems.has_errors()) return problems;
  r.interrupted = options.stop != nullptr && options.stop->load();
  return r;
}

}  // namespace foretoken
