// What few runs have, out of the way of all others: drafts, adapters, and requests that end by a stop string, of which
// the engine learns when the steps planned meanwhile have run (src/serving/README.md, "Aborts and stop strings").
#include <algorithm>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

void EngineRank::plan_extras() {
  if (speculates_) take_rows();
  if (rank_.adapters) plan_adapters();
  if (rank_.has_stopped()) leave_out_stopped_rows();
}

// False: the step is priced as all are.
bool EngineRank::start_extras(TimePoint now) {
  if (speculates_) {
    price_rows();
    begin(now);
    return true;
  }
  if (!rank_.adapters) return false;
  start_steps_with_adapters(now);
  return true;
}

void EngineRank::end_extras() {
  if (speculates_) verify();
  if (rank_.adapters) rank_.adapters->stepped(step_adapters_, steps_.elapsed());
}

void EngineRank::stop_by_string(RequestId id, TimePoint now) {
  has_extras_ = has_news_ = true;
  rank_.finish_by_stop_string(id, now);
}

// Their rows cost what rows cost, and nothing comes out of them. The plan holds for this step only.
void EngineRank::leave_out_stopped_rows() {
  plan_.once = true;
  for (const RequestId id : rank_.stopped_in_step()) {
    if (rank_.table[id].phase != Phase::decoding || plan_.hold_decodes) continue;
    if (std::find(plan_.skipped.begin(), plan_.skipped.end(), id) != plan_.skipped.end()) continue;
    --decode_rows_;
    if (speculates_) std::erase_if(plan_.rows, [&](const StepPlan::Chunk& row) { return row.id == id; });
  }
}

}  // namespace foretoken
