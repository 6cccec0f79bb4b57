// How far the tail moves with the seed: a study that nobody needs, to show what adding one takes.
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/question.hpp"

namespace foretoken {

struct TailRow {
  std::uint64_t seed = 0;
  double p50_ttft_ms = 0;
  double p99_ttft_ms = 0;
};

struct TailStudy {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;
  bool interrupted = false;
  std::vector<TailRow> rows;
};

// Errors: traces or lengths that cannot be read.
[[nodiscard]] Result<TailStudy> study_tail(const Question& question, const Scenario& scenario,
                                           const RunOptions& options);

}  // namespace foretoken
