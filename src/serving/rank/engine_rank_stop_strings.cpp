// Requests that end by a stop string: the engine learns of it when the steps planned meanwhile have run
// (src/serving/README.md, "Aborts and stop strings").
#include <algorithm>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// Their rows cost what rows cost, and nothing comes out of them. The plan holds for this step only.
void EngineRank::leave_out_stopped_rows() {
  next_call_differs_ = true;
  for (const RequestId id : rank_.stopped_in_step()) {
    if (rank_.table[id].phase != Phase::decoding || plan_.hold_decodes) continue;
    if (std::find(plan_.skipped.begin(), plan_.skipped.end(), id) != plan_.skipped.end()) continue;
    --decode_rows_;
    if (speculates_) std::erase_if(plan_.rows, [&](const StepPlan::Chunk& row) { return row.id == id; });
  }
}

}  // namespace foretoken
