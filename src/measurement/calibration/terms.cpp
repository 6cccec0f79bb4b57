// The terms and their ranges, from fits to published runs of eight engine generations (per step 0.3, 0.3, 0.3, 0.65,
// 1, 1.2 and 19 ms; per sequence 5, 5, 5, 24, 80, 100, 120 and 540 us; per all-reduce 0 to 15 and 100 us) and from
// their TTFT at low load (15 to 30 ms before the first schedule, one engine 150). The prior of a host cost is the
// middle distance of such a figure from a present engine's, in round numbers; its heavy tails hold the far ones.
// Efficiencies: a kernel is off by 16 % in the mean, and releases differ as much.
#include "measurement/calibration/terms.hpp"

#include <array>
#include <cmath>

namespace foretoken {
namespace {

enum : std::size_t { kCompute, kMemory, kStep, kSequence, kRequest, kAllReduce, kBlocks, kCount };

constexpr Term kBase[kCount] = {
    {nullptr, true, 0.2, 1.0 / 3, 3, 0.5},  // ln of a factor: 20 %
    {nullptr, true, 0.2, 1.0 / 3, 3, 0.5},   {nullptr, false, 1e-3, 0, 20e-3, 0.5},
    {nullptr, false, 50e-6, 0, 600e-6, 0.5}, {nullptr, false, 30e-3, 0, 1, 0.25},
    {nullptr, false, 15e-6, 0, 200e-6, 1},   {nullptr, true, 0.2, 0.25, 4, 0.5},
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
