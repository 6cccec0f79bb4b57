// The terms and their ranges. Defaults and plausible sizes follow the fits to published runs of several
// engine generations (cost-model section 8): 0.3 to 19 ms a step, 5 to 540 us a sequence, 0 to 100 us an
// all-reduce, up to 150 ms a request; efficiencies of kernels differ by tens of percent between releases.
#include "study/calibration/terms.hpp"

#include <array>
#include <cmath>

namespace foretoken {
namespace {

enum : std::size_t { kCompute, kMemory, kStep, kSequence, kRequest, kAllReduce, kBlocks, kCount };

constexpr Term kBase[kCount] = {
    {nullptr, true, 0.2, 1.0 / 3, 3, 0.5},  // ln of a factor: 20 %
    {nullptr, true, 0.2, 1.0 / 3, 3, 0.5},
    {nullptr, false, 200e-6, 0, 20e-3, 1},
    {nullptr, false, 10e-6, 0, 600e-6, 1},
    {nullptr, false, 10e-3, 0, 1, 0.5},
    {nullptr, false, 10e-6, 0, 200e-6, 1},
    {nullptr, true, 0.2, 0.25, 4, 0.5},
};

std::array<Term, kCount> named_terms() {
  std::array<Term, kCount> all;
  for (std::size_t i = 0; i < kCount; ++i) {
    all[i] = kBase[i];
    all[i].named = &fitted_terms()[i];
  }
  return all;
}

std::size_t index_of(const Term& term) {
  return static_cast<std::size_t>(term.named - fitted_terms().data());
}

}  // namespace

std::span<const Term> terms() {
  static const std::array<Term, kCount> all = named_terms();
  return all;
}

double value_of(const Term& term, const Scenario& s) {
  switch (index_of(term)) {
    case kCompute:
      return s.deployment.efficiency.compute;
    case kMemory:
      return s.deployment.efficiency.memory;
    case kStep:
      return s.deployment.overhead.per_step;
    case kSequence:
      return s.deployment.overhead.per_sequence;
    case kRequest:
      return to_seconds(s.engine.per_request);
    case kAllReduce:
      return s.deployment.overhead.per_allreduce;
    default:
      return static_cast<double>(s.engine.num_gpu_blocks);
  }
}

void set_value(const Term& term, double value, Scenario& s) {
  switch (index_of(term)) {
    case kCompute:
      s.deployment.efficiency.compute = value;
      break;
    case kMemory:
      s.deployment.efficiency.memory = value;
      break;
    case kStep:
      s.deployment.overhead.per_step = value;
      break;
    case kSequence:
      s.deployment.overhead.per_sequence = value;
      break;
    case kRequest:
      s.engine.per_request = duration_from_seconds(value);
      break;
    case kAllReduce:
      s.deployment.overhead.per_allreduce = value;
      break;
    default:
      s.engine.num_gpu_blocks = std::max<std::int64_t>(2, std::llround(value));
      break;
  }
}

std::string cannot_act(const Term& term, const Scenario& s) {
  const Parallelism& p = s.deployment.parallelism;
  if (index_of(term) == kAllReduce && p.tensor * p.data == 1) return "one GPU has no all-reduce";
  return {};
}

double to_value(const Term& term, double origin, double x) {
  return term.ratio ? origin * std::exp(x * term.prior) : origin + x * term.prior;
}

// The default itself is always allowed.
double least_x(const Term& term, double origin) {
  return term.ratio ? std::log(term.least) / term.prior : std::min(0.0, (term.least - origin) / term.prior);
}

double most_x(const Term& term, double origin) {
  return term.ratio ? std::log(term.most) / term.prior : std::max(0.0, (term.most - origin) / term.prior);
}

double slope_at(const Term& term, double origin, double x) {
  return term.ratio ? term.prior * to_value(term, origin, x) : term.prior;
}

}  // namespace foretoken
