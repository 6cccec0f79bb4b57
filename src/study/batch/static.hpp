// The parts of a batch study that need no simulation.
#pragma once

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/study/batch.hpp"

namespace foretoken {

// Mean lengths of the workload's requests, at least one token each.
struct MeanRequest {
  std::int64_t prompt = 1;
  std::int64_t output = 1;
  [[nodiscard]] std::int64_t mean_context() const { return prompt + output / 2; }
};

[[nodiscard]] DecodeShape decode_batch(std::int64_t sequences, std::int64_t context, std::int64_t window);

[[nodiscard]] StaticBatch static_batch(const Scenario& scenario, const CostModel& cost, std::int64_t size,
                                       const MeanRequest& request);
[[nodiscard]] RidgeStudy study_ridge(const Scenario& scenario, const MeanRequest& request, std::int64_t largest);
[[nodiscard]] std::vector<BudgetRow> study_budgets(const Scenario& scenario, const MeanRequest& request);

// KV blocks of one sequence at its full length.
[[nodiscard]] std::int64_t full_length_blocks(const Scenario& scenario, const MeanRequest& request);
// Largest batch that the KV cache holds at full length, the plan following max_num_seqs. Empty where KV never ends.
[[nodiscard]] std::optional<std::int64_t> kv_limited_batch(const Scenario& scenario, const MeanRequest& request);

}  // namespace foretoken
