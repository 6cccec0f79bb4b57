// Whose the time of a step with prefill chunks is.
#include "serving/rank/accounts.hpp"

#include <algorithm>

namespace foretoken {

// After a preemption all time is recovery until the lost tokens are back.
void Accounts::prefilled(std::span<const StepPlan::Chunk> chunks, std::span<const RequestId> prefilling,
                         const StepTime& step, FineDuration elapsed) {
  std::int64_t step_tokens = 0;
  for (const StepPlan::Chunk& chunk : chunks) step_tokens += chunk.tokens;
  for (const StepPlan::Chunk& chunk : chunks) {
    InFlight& r = table_[chunk.id];
    if (r.recovering) continue;
    if (r.emitted == 0)
      r.account.prefilled(step, chunk.tokens, step_tokens);
    else
      r.account.decoded_as_chunk(step, chunk.tokens, step_tokens);
  }
  if (chunks.size() == prefilling.size()) return;
  for (const RequestId id : prefilling) {
    const bool ran = std::any_of(chunks.begin(), chunks.end(), [&](const auto& c) { return c.id == id; });
    if (!ran && !table_[id].recovering) table_[id].account.left_out(elapsed);
  }
}

}  // namespace foretoken
