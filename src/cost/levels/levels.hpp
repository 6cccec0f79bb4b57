// The levels of the cost model that make_cost_model chooses from.
#pragma once

#include <memory>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken {

// The user's own straight line; knows neither model nor GPU.
[[nodiscard]] std::unique_ptr<CostModel> make_affine_model(const AffineTerms& terms);
// Datasheet, roofline or calibrated, by the deployment's level.
[[nodiscard]] std::unique_ptr<CostModel> make_gpu_model(const Deployment& deployment);
// `series`, which passes all stages one after another, with a micro-batch in every stage.
[[nodiscard]] std::unique_ptr<CostModel> make_pipelined_model(std::unique_ptr<CostModel> series, int stages);

}  // namespace foretoken
