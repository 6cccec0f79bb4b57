// What makes a deployment impossible to price, all of it at once.
#include <fmt/format.h>

#include <cmath>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken {
namespace {

void check_affine(const AffineTerms& terms, std::vector<std::string>& problems) {
  const auto check = [&problems](const char* name, double value) {
    if (!std::isfinite(value) || value < 0) {
      problems.push_back(fmt::format("affine term {} is {}; it must be a finite time of at least 0", name, value));
    }
  };
  check("per_step", terms.per_step);
  check("per_prefill_token", terms.per_prefill_token);
  check("per_decode_token", terms.per_decode_token);
  check("per_context_token", terms.per_context_token);
}

}  // namespace

std::vector<std::string> deployment_problems(const Deployment& deployment) {
  std::vector<std::string> problems;
  if (deployment.level == CostLevel::affine) check_affine(deployment.affine, problems);
  return problems;
}

}  // namespace foretoken
