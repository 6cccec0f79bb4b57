// The levels of the cost model that make_cost_model chooses from.
#pragma once

#include <memory>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken {

// The user's own straight line; knows neither model nor GPU.
[[nodiscard]] std::unique_ptr<CostModel> make_affine_model(const AffineTerms& terms);
// Datasheet, roofline or calibrated, by the deployment's level.
[[nodiscard]] std::unique_ptr<CostModel> make_gpu_model(const Deployment& deployment);
// The tokens that a CUDA graph for so many is captured for where rows have `per_row` of them; `tokens` where it would
// be larger than the largest.
[[nodiscard]] std::int64_t captured_size_of(std::int64_t tokens, std::int64_t per_row, std::int64_t largest);
// Of Medusa, one for every position; the tokens of a row may be a tree of them.
[[nodiscard]] inline int medusa_heads(const DraftSpec& draft) {
  return (draft.tokens + draft.branches - 1) / draft.branches;
}
// `target` and the drafter of the deployment, which works after every step. Precondition: it has one.
[[nodiscard]] std::unique_ptr<CostModel> make_drafting_model(std::unique_ptr<CostModel> target,
                                                             const Deployment& deployment);
// `target` and the encoder of the images or sound that requests bring. Precondition: the model has one.
[[nodiscard]] std::unique_ptr<CostModel> make_encoding_model(std::unique_ptr<CostModel> target,
                                                             const Deployment& deployment);
// `inner` on GPUs under the deployment's power cap. Precondition: it has one, and its GPU a TDP.
[[nodiscard]] std::unique_ptr<CostModel> make_power_capped_model(std::unique_ptr<CostModel> inner,
                                                                 const Deployment& deployment);
// `inner` where steps may have LoRA adapters. Precondition: the deployment has slots for them.
[[nodiscard]] std::unique_ptr<CostModel> make_model_with_adapters(std::unique_ptr<CostModel> inner,
                                                                  const LoraSpec& lora);
// `series`, which passes all stages one after another, with a micro-batch in every stage.
[[nodiscard]] std::unique_ptr<CostModel> make_pipelined_model(std::unique_ptr<CostModel> series, int stages);

}  // namespace foretoken
