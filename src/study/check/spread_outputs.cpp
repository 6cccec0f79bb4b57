// A few replications of the load as it is, for its groups, and a few with spread outputs, for its figures.
#include "study/check/spread_outputs.hpp"

#include <algorithm>

#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"
#include "experiment/steady/equal_outputs.hpp"
#include "experiment/steady/pooled_figures.hpp"

namespace foretoken {
namespace {

// +-3 % ends the growth of groups in the measured example (src/experiment/statistics.md); real traffic differs by far
// more.
constexpr double kShare = 0.1;
constexpr int kAsItIs = 2;
constexpr int kSpread = 8;
// Spread outputs forget soon; groups may need the whole of a long verdict to grow.
constexpr std::int64_t kMostSpread = 20'000;
// Groups of prefill steps that dissolve again are a little larger without the spread, too.
constexpr double kTold = 1.3;

struct Watched {
  RunMeasures measures;
  double group = 0;
  bool interrupted = false;
};

Result<Watched> watch(const Scenario& s, const SteadyState& steady, int index, const RunOptions& run) {
  FinishGroups groups(steady.warmup, steady.warmup + steady.measured);
  ReplicationOptions options;
  options.stop = run.stop;
  options.step_by_step = run.step_by_step;
  options.cost_models = run.cost_models;
  options.endless = EndlessRun{steady.warmup, steady.measured, nullptr};
  options.on_request = [&](const RequestRecord& r) { groups.add(r); };
  Result<ReplicationResult> result = simulate_replication(s, index, options);
  if (!result) return result.error();
  return Watched{std::move(result->measures), groups.mean_size(), result->outcome.interrupted};
}

}  // namespace

Result<std::optional<SpreadOutputs>> spread_outputs(const Scenario& scenario, const Verdict& verdict,
                                                    const RunOptions& run) {
  const std::optional<std::int64_t> tokens = outputs_that_finish_together(scenario);
  if (!tokens || verdict.steady.measured == 0 || verdict.interrupted) return std::optional<SpreadOutputs>{};
  Scenario spread = scenario;
  spread.workload = with_outputs_spread(scenario.workload, kShare);
  spread.known_workload.reset();
  SteadyState shorter = verdict.steady;
  shorter.measured = std::min(shorter.measured, kMostSpread);
  shorter.warmup = std::min(shorter.warmup, shorter.measured);
  std::vector<std::optional<Result<Watched>>> runs(kAsItIs + kSpread);
  parallel_for(runs.size(), run.threads, [&](std::size_t i) {
    const bool as_it_is = i < kAsItIs;
    runs[i] = as_it_is ? watch(scenario, verdict.steady, static_cast<int>(i), run)
                       : watch(spread, shorter, static_cast<int>(i - kAsItIs), run);
  });
  SpreadOutputs result{*tokens, kShare, 0, 0, {}};
  const DeviceFigures device = device_figures(scenario);
  std::vector<PooledFigures> figures;
  for (const SloLine& line : scenario.slo) figures.emplace_back(spread, device, line.metric);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!*runs[i]) return runs[i]->error();
    const Watched& watched = **runs[i];
    if (watched.interrupted) return std::optional<SpreadOutputs>{};
    if (i < kAsItIs) {
      result.group += watched.group / kAsItIs;
      continue;
    }
    result.group_spread += watched.group / kSpread;
    for (PooledFigures& f : figures) f.add(watched.measures);
  }
  if (!(result.group > kTold * result.group_spread)) return std::optional<SpreadOutputs>{};
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const bool steady = verdict.objectives[i].steady_state;
    result.figures.push_back(steady ? std::optional(figures[i].interval(scenario.study.confidence)) : std::nullopt);
  }
  return std::optional(std::move(result));
}

}  // namespace foretoken
