// The same question with three seeds.
#include "study/tail/tail.hpp"

#include <fmt/format.h>

namespace foretoken {

Result<TailStudy> study_tail(const Question& question, const Scenario& scenario, const RunOptions& options) {
  TailStudy study;
  study.scenario = scenario;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Result<Scenario> seeded = question.without_sweep().with({fmt::format("seed={}", seed)}).scenario();
    if (!seeded) return seeded.error();
    const Result<RunResult> run = run_scenario(*seeded, options);
    if (!run) return run.error();
    study.memory = run->memory;
    study.feasible = run->feasible;
    study.interrupted = study.interrupted || run->interrupted;
    if (!run->feasible) return study;
    study.rows.push_back({seed, run->summary["p50_ttft_ms"], run->summary["p99_ttft_ms"]});
  }
  return study;
}

}  // namespace foretoken
