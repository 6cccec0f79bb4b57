// Chooses the level that prices a deployment.
#include "foretoken/cost/cost_model.hpp"

#include "cost/levels/levels.hpp"

namespace foretoken {
namespace {

std::unique_ptr<CostModel> make_target_model(const Deployment& deployment) {
  if (deployment.level == CostLevel::affine) return make_affine_model(deployment.affine);
  const Parallelism& split = deployment.parallelism;
  if (split.pipeline > 1 && split.micro_batches)
    return make_pipelined_model(make_gpu_model(deployment), split.pipeline);
  return make_gpu_model(deployment);
}

}  // namespace

std::unique_ptr<CostModel> make_cost_model(const Deployment& deployment) {
  std::unique_ptr<CostModel> target = make_target_model(deployment);
  if (deployment.draft.on()) target = make_drafting_model(std::move(target), deployment);
  if (deployment.largest_item > 0 && !deployment.encoded_elsewhere && deployment.level != CostLevel::affine)
    target = make_encoding_model(std::move(target), deployment);
  if (deployment.power_cap > 0 && deployment.level != CostLevel::affine && deployment.gpu.tdp)
    target = make_power_capped_model(std::move(target), deployment);
  if (deployment.lora.on()) target = make_model_with_adapters(std::move(target), deployment.lora);
  return target;
}

}  // namespace foretoken
