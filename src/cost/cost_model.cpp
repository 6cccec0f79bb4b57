// Chooses the level that prices a deployment.
#include "foretoken/cost/cost_model.hpp"

#include "cost/levels/levels.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

std::unique_ptr<CostModel> make_cost_model(const Deployment& deployment) {
  switch (deployment.level) {
    case CostLevel::affine:
      return make_affine_model(deployment.affine);
    case CostLevel::datasheet:
    case CostLevel::roofline:
    case CostLevel::calibrated:
      break;
  }
  throw InternalError("this cost level is not available yet");
}

}  // namespace foretoken
