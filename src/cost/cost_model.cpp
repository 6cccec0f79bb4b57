// Chooses the level that prices a deployment.
#include "foretoken/cost/cost_model.hpp"

#include "cost/levels/levels.hpp"

namespace foretoken {

std::unique_ptr<CostModel> make_cost_model(const Deployment& deployment) {
  if (deployment.level == CostLevel::affine) return make_affine_model(deployment.affine);
  const Parallelism& split = deployment.parallelism;
  if (split.pipeline > 1 && split.micro_batches)
    return make_pipelined_model(make_gpu_model(deployment), split.pipeline);
  return make_gpu_model(deployment);
}

}  // namespace foretoken
