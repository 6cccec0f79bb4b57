// Each size resolved anew, so that the memory plan follows it; then both views, and the answer.
#include "foretoken/study/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/csv.hpp"
#include "experiment/cost_models.hpp"
#include "experiment/parallel.hpp"
#include "experiment/steady/sampler.hpp"
#include "scenario/sweep_axes.hpp"
#include "serving/engines/engine_profile.hpp"
#include "study/batch/static.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kMostSeats = 1'000'000;  // as engine.max_num_seqs
constexpr int kReplicationsPerSize = 5;
// A pilot finds how long to measure: whole rounds of the clients, so that waves are never cut
// (src/experiment/statistics.md). These are of the runs from empty to empty that utilisations are of, whose first round
// fills the batch and whose last empties it.
constexpr std::int64_t kRounds = 8;
constexpr int kRunsPerSize = 8 + 2 * kReplicationsPerSize;  // at least: the pilot's, and both kinds
constexpr std::int64_t kFewestRequests = 200;
// Between two sizes the limit is found to 2 %.
constexpr int kMostRefinements = 7;

const char* const kDefaultObjective = "mean_tpot < 50 ms";

Result<std::vector<std::int64_t>> parse_sizes(const std::string& text) {
  Diagnostics problems;
  const std::string origin = "--sizes";
  auto list = parse_yaml("[" + text + "]", origin);
  if (!list) return list.error();
  const std::vector<YamlNode> values = axis_values("--sizes", *list, problems);
  std::vector<std::int64_t> sizes;
  constexpr std::size_t kMostSizes = 1000;
  if (values.size() > kMostSizes) {
    problems.error(list->where, fmt::format("'{}' makes more than {} batch sizes", text, kMostSizes),
                   "a range that doubles is shorter: 1,2,4..512");
    return problems;
  }
  for (const YamlNode& node : values) {
    double value = 0;
    const bool number = node.kind == YamlNode::Kind::scalar && parse_number(node.text, value);
    if (!number || value != std::floor(value) || value < 1 || value > static_cast<double>(kMostSeats)) {
      problems.error(node.where, fmt::format("'{}' is no batch size", to_flow(node)),
                     fmt::format("whole numbers from 1 to {}: 1,2,4..512", kMostSeats));
      continue;
    }
    sizes.push_back(static_cast<std::int64_t>(value));
  }
  if (problems.has_errors()) return problems;
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

// Always full: as many requests in flight as there are seats, the next sent as soon as one is answered. A trace
// keeps its lengths and loses its times.
WorkloadConfig closed_loop(const WorkloadConfig& workload, std::int64_t in_flight) {
  WorkloadConfig w = workload;
  if (const auto* trace = std::get_if<TraceConfig>(&workload.arrivals))
    w.lengths.paired = PairedLengths{trace->path, trace->format};
  w.arrivals = AllAtOnceArrivals{};
  w.max_concurrency = in_flight;
  w.num_prompts = std::max(kRounds * in_flight, kFewestRequests);
  w.duration.reset();
  w.think_time = {};
  w.client_delay = {};
  if (w.sessions) w.sessions->think_time = {};
  return w;
}

class BatchStudier {
 public:
  BatchStudier(BatchStudy& study, const Question& question, const RunOptions& options)
      : study_(study), question_(question), options_(options) {
    request_ = {study.prompt_tokens, study.output_tokens};
    options_.threads = 1;
    options_.progress = nullptr;
    options_.cost_models = nullptr;
  }

  [[nodiscard]] BatchSize at(std::int64_t size) const {
    BatchSize point;
    point.size = size;
    if (options_.stop != nullptr && options_.stop->load()) {
      point.status = PointStatus::skipped;
      return point;
    }
    const Result<Scenario> resolved = resolve(point);
    if (!resolved) {
      point.status = PointStatus::invalid;
      point.reason = resolved.error().items().front().message;
      return point;
    }
    const Scenario& s = *resolved;
    point.token_budget = s.engine.max_num_batched_tokens;
    fill_memory(s, point);
    if (point.status != PointStatus::ok) return point;
    point.in_closed_form = static_batch(s, *make_cost_model(s.deployment), size, request_);
    simulate(s, point);
    return point;
  }

 private:
  // An engine's limit may be of all ranks together.
  Result<Scenario> resolve(BatchSize& point) const {
    const EngineProfile& profile = find_engine(study_.scenario.engine.name);
    const TokenBudgetKnob& budget = profile.token_budget;
    const std::int64_t seats =
        point.size * (profile.seats_of_all_ranks ? study_.scenario.engine.data_parallel_size : 1);
    std::vector<std::string> set{fmt::format("engine.max_num_seqs={}", seats), "sweep=null"};
    if (budget.counts_decodes && budget.of(study_.scenario.engine) < point.size) {
      set.push_back(fmt::format("{}={}", budget.key, point.size));
      point.budget_raised = true;
    }
    return question_.with(set).scenario();
  }

  void fill_memory(const Scenario& s, BatchSize& point) const {
    point.memory = plan_memory(s.deployment, s.memory);
    const bool affine = s.deployment.level == CostLevel::affine;
    if (!point.memory.fits && !affine) {
      point.status = PointStatus::does_not_fit;
      point.reason = point.memory.verdict;
      return;
    }
    const std::int64_t needed = point.size * full_length_blocks(s, request_);
    const std::int64_t usable = s.engine.usable_blocks();
    point.kv_fits = needed <= usable;
    if (affine) return;
    point.kv_needed = static_cast<double>(needed) * point.memory.block_bytes;
    point.kv_available = static_cast<double>(usable) * point.memory.block_bytes;
  }

  void simulate(Scenario s, BatchSize& point) const {
    s.workload = closed_loop(s.workload, point.size * s.cluster.replicas * s.engine.data_parallel_size);
    s.known_workload.reset();
    s.cluster.router = "least_outstanding";  // or the batches of the replicas differ
    if (kRunsPerSize * *s.workload.num_prompts > study_.scenario.study.max_requests) {
      point.why_not_simulated =
          fmt::format("{} requests are more than study.max_requests", kRunsPerSize * *s.workload.num_prompts);
      return;
    }
    if (const Diagnostics wrong = check_workload(s.workload); wrong.has_errors()) {
      point.why_not_simulated = wrong.items().front().message;
      return;
    }
    std::vector<std::string> metrics(std::begin(kFigures), std::end(kFigures));
    for (const SloLine& line : study_.scenario.slo) metrics.push_back(line.metric);
    ReplicationSampler sampler(s, metrics, options_);
    if (const Diagnostics broken = sampler.extend_to(kReplicationsPerSize); broken.has_errors()) {
      point.why_not_simulated = broken.items().front().message;
      return;
    }
    if (sampler.interrupted()) {
      point.why_not_simulated = "interrupted";
      return;
    }
    fill_simulated(s, sampler, point);
  }

  void fill_simulated(const Scenario& s, const ReplicationSampler& sampler, BatchSize& point) const {
    const auto interval = [&](std::size_t metric) {
      std::vector<double> values = sampler.values(metric);
      std::erase_if(values, [](double v) { return std::isnan(v); });
      return mean_interval(values, s.study.confidence);
    };
    ContinuousBatch c;
    c.ttft_ms = interval(0);
    c.tpot_ms = interval(1);
    c.p99_ttft_ms = interval(2);
    c.p99_tpot_ms = interval(3);
    c.tps = interval(4);
    c.interactivity = interval(5).value;
    c.tps_per_gpu = interval(6).value;
    c.mfu = interval(7).value;
    c.mbu = interval(8).value;
    c.kv_usage = interval(9).value;
    c.preemptions = interval(10).value;
    std::vector<Decision> decisions;
    for (std::size_t i = 0; i < study_.scenario.slo.size(); ++i) {
      const Interval figure = interval(std::size(kFigures) + i);
      c.objectives.push_back(figure);
      const SloLine& line = study_.scenario.slo[i];
      const bool low = judge(line, figure.low).ok, high = judge(line, figure.high).ok;
      decisions.push_back(std::isnan(figure.value) || low != high ? Decision::not_decided
                          : low                                   ? Decision::meets
                                                                  : Decision::misses);
    }
    const auto any = [&](Decision d) { return std::find(decisions.begin(), decisions.end(), d) != decisions.end(); };
    c.settled = sampler.steady_state().settled;
    c.identical_runs = sampler.replications() > 1;
    for (const Interval* i : {&c.ttft_ms, &c.tpot_ms, &c.p99_ttft_ms, &c.p99_tpot_ms, &c.tps})
      c.identical_runs = c.identical_runs && (std::isnan(i->value) || i->low == i->high);
    c.decision = any(Decision::misses)                      ? Decision::misses
                 : any(Decision::not_decided) || !c.settled ? Decision::not_decided
                                                            : Decision::meets;
    point.simulated = std::move(c);
  }

  static constexpr const char* kFigures[] = {
      "mean_ttft_ms",        "mean_tpot_ms",         "p99_ttft_ms", "p99_tpot_ms", "output_throughput",
      "interactivity_tok_s", "tokens_per_s_per_gpu", "mfu",         "mbu",         "max_kv_cache_usage_perc",
      "preemption_count"};
  BatchStudy& study_;
  const Question& question_;
  RunOptions options_;
  MeanRequest request_;
};

bool meets(const BatchSize& point) {
  return point.simulated && point.simulated->decision == Decision::meets;
}

// Largest throughput among the sizes that keep the objectives, and the next that does not.
void answer(BatchStudy& study) {
  study.best.reset();
  study.first_missed.reset();
  for (std::size_t i = 0; i < study.sizes.size(); ++i) {
    if (!meets(study.sizes[i])) continue;
    if (!study.best || study.sizes[i].simulated->tps.value > study.sizes[*study.best].simulated->tps.value)
      study.best = i;
  }
  for (std::size_t i = study.best ? *study.best + 1 : 0; i < study.sizes.size() && !study.first_missed; ++i) {
    if (study.sizes[i].simulated && !meets(study.sizes[i])) study.first_missed = i;
  }
}

// Between the best size and the next that misses, by halving.
void refine(BatchStudy& study, const BatchStudier& studier) {
  for (int i = 0; i < kMostRefinements; ++i) {
    answer(study);
    if (!study.best || !study.first_missed || *study.first_missed != *study.best + 1) return;
    const std::int64_t low = study.sizes[*study.best].size, high = study.sizes[*study.first_missed].size;
    if (high - low <= std::max<std::int64_t>(1, low / 50)) return;
    BatchSize point = studier.at(low + (high - low) / 2);
    point.refined = true;
    if (!point.simulated) return;
    study.sizes.insert(study.sizes.begin() + static_cast<std::ptrdiff_t>(*study.first_missed), std::move(point));
  }
}

void mark_frontier(BatchStudy& study) {
  for (BatchSize& a : study.sizes) {
    if (!a.simulated || std::isnan(a.simulated->tpot_ms.value)) continue;
    a.on_frontier = std::none_of(study.sizes.begin(), study.sizes.end(), [&](const BatchSize& b) {
      return b.simulated && &a != &b && b.simulated->tpot_ms.value <= a.simulated->tpot_ms.value &&
             b.simulated->tps.value > a.simulated->tps.value;
    });
  }
}

void add_notes(BatchStudy& study) {
  const Scenario& s = study.scenario;
  if (std::holds_alternative<TraceConfig>(s.workload.arrivals))
    study.notes.emplace_back("the trace gives the lengths; its arrival times do not count here");
  if (s.workload.sessions) study.notes.emplace_back("sessions go on without think time, so that the batch stays full");
  if (s.engine.enable_prefix_caching)
    study.notes.emplace_back("the static view prefills whole prompts, whatever the prefix cache would have found");
  if (s.cluster.replicas > 1) {
    study.notes.push_back(fmt::format("a batch is that of one replica; throughput is of all {}", s.cluster.replicas));
  }
  const auto some = [&](bool ContinuousBatch::*what) {
    return std::any_of(study.sizes.begin(), study.sizes.end(),
                       [&](const BatchSize& b) { return b.simulated && (*b.simulated).*what; });
  };
  if (some(&ContinuousBatch::identical_runs)) {
    study.notes.emplace_back(
        "nothing in this load is random: all runs of a size are the same, so their figures carry no interval; requests "
        "of equal length move in waves, which random_range_ratio would spread");
  }
  const bool unsettled = std::any_of(study.sizes.begin(), study.sizes.end(),
                                     [](const BatchSize& b) { return b.simulated && !b.simulated->settled; });
  if (unsettled) {
    study.notes.emplace_back("figures of some sizes still moved with the length of the run: raise study.max_requests");
  }
  const bool raised =
      std::any_of(study.sizes.begin(), study.sizes.end(), [](const BatchSize& b) { return b.budget_raised; });
  if (raised) study.notes.emplace_back("max_num_batched_tokens is raised to the batch size where it was below it");
}

}  // namespace

Result<BatchStudy> study_batch(const Question& question, const Scenario& scenario, const BatchOptions& options) {
  const Result<std::vector<std::int64_t>> sizes = parse_sizes(options.sizes);
  if (!sizes) return sizes.error();
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  BatchStudy study;
  study.scenario = scenario;
  study.default_objective = scenario.slo.empty();
  if (study.default_objective) study.scenario.slo.push_back(parse_slo_line(kDefaultObjective, {}).value());
  study.prompt_tokens = std::max<std::int64_t>(1, std::llround(workload->mean_prompt_tokens));
  study.output_tokens = std::max<std::int64_t>(1, std::llround(workload->mean_output_tokens));
  study.memory = plan_memory(scenario.deployment, scenario.memory);
  study.replications = kReplicationsPerSize;
  study.sizes.resize(sizes->size());
  const BatchStudier studier(study, question, options.run);
  std::mutex mutex;
  std::int64_t done = 0;
  // The largest first: they take longest.
  parallel_for(sizes->size(), options.run.threads, [&](std::size_t i) {
    const std::size_t index = sizes->size() - 1 - i;
    study.sizes[index] = studier.at((*sizes)[index]);
    if (!options.run.progress) return;
    const std::lock_guard lock(mutex);
    options.run.progress({++done, static_cast<std::int64_t>(sizes->size())});
  });
  const auto all = [&](PointStatus status) {
    return std::all_of(study.sizes.begin(), study.sizes.end(), [&](const BatchSize& b) { return b.status == status; });
  };
  if (all(PointStatus::invalid)) {
    Diagnostics problems;
    problems.error(question.whole(), fmt::format("no batch size is valid here: {}", study.sizes.front().reason));
    return problems;
  }
  study.feasible = !all(PointStatus::does_not_fit);
  if (!study.feasible) return study;
  refine(study, studier);
  answer(study);
  mark_frontier(study);
  const MeanRequest request{study.prompt_tokens, study.output_tokens};
  study.ridge = study_ridge(scenario, request, sizes->back());
  study.budgets = study_budgets(scenario, request);
  study.kv_limit = kv_limited_batch(scenario, request);
  study.interrupted = options.run.stop != nullptr && options.run.stop->load();
  add_notes(study);
  return study;
}

}  // namespace foretoken
