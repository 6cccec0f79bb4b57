// So many times the load, whatever makes it.
#include <algorithm>
#include <cmath>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

std::int64_t times(std::int64_t count, double factor) {
  constexpr double kMost = 1e15;
  return std::max<std::int64_t>(1, std::llround(std::min(kMost, static_cast<double>(count) * factor)));
}

struct Raise {
  double factor;
  void operator()(RenewalArrivals& a) const { a.rate *= factor; }
  void operator()(AllAtOnceArrivals&) const {}
  void operator()(RampArrivals& a) const {
    a.start_rate *= factor;
    a.end_rate *= factor;
  }
  void operator()(TwoStateArrivals& a) const {
    a.low_rate *= factor;
    a.high_rate *= factor;
  }
  void operator()(ProfileArrivals& a) const {
    for (double& rate : a.rates) rate *= factor;
  }
  // Its requests are what they are: they come so many times as fast.
  void operator()(TraceConfig& a) const { a.rate_scale *= factor; }
};

}  // namespace

WorkloadConfig workload_of_model(const WorkloadConfig& workload, const std::string& served_model_name) {
  WorkloadConfig part = workload;
  std::erase_if(part.classes, [&](const RequestClass& c) { return c.model != served_model_name; });
  const auto weights = [](const WorkloadConfig& w) {
    double sum = 0;
    for (const RequestClass& c : w.classes) sum += c.weight;
    return sum;
  };
  const double share = weights(part) / weights(workload);
  const bool trace = std::holds_alternative<TraceConfig>(part.arrivals);
  if (trace || part.max_concurrency || !(share > 0)) return part;
  std::visit(Raise{share}, part.arrivals);
  if (part.num_prompts) part.num_prompts = times(*part.num_prompts, share);
  return part;
}

void apply_load_factor(Resolver& values, Scenario& s) {
  s.load_factor = values.maybe_number("workload.load_factor").value_or(1);
  if (s.load_factor == 1) return;
  WorkloadConfig& w = s.workload;
  std::visit(Raise{s.load_factor}, w.arrivals);
  if (w.max_concurrency) w.max_concurrency = times(*w.max_concurrency, s.load_factor);
  // The load lasts as long as before.
  const bool trace = std::holds_alternative<TraceConfig>(w.arrivals);
  if (w.num_prompts && !trace) w.num_prompts = times(*w.num_prompts, s.load_factor);
}

}  // namespace foretoken
