// The arrival processes: renewal, ramp, two-state and profile, each as a rule for the next gap.
#include "workload/arrivals.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "workload/lengths/distributions.hpp"
#include "workload/lengths/overloaded.hpp"

namespace foretoken {
namespace {

constexpr double kNanoseconds = 1e9;
// Times beyond about 146 years end the process.
constexpr std::int64_t kLastArrival = std::int64_t{1} << 62;

double renewal_gap(double rate, double burstiness, RandomStream& stream) {
  const double mean = kNanoseconds / rate;
  if (std::isinf(burstiness)) return mean;
  if (burstiness == 1) return mean * draw_exponential(stream);
  return mean / burstiness * draw_gamma(burstiness, stream);
}

}  // namespace

double ramp_rate(const RampArrivals& ramp, std::int64_t index, std::int64_t requests) {
  const double share = static_cast<double>(index) / static_cast<double>(requests);
  if (!ramp.exponential) return ramp.start_rate + (ramp.end_rate - ramp.start_rate) * share;
  return ramp.start_rate * exact_pow(ramp.end_rate / ramp.start_rate, share);
}

ArrivalProcess::ArrivalProcess(const ArrivalConfig& config, std::optional<std::int64_t> num_prompts, std::uint64_t seed)
    : stream_(seed, "arrivals"), form_(make(config, num_prompts, seed)) {
  const auto* renewal = std::get_if<RenewalArrivals>(&config);
  if (renewal == nullptr || !renewal->vllm_rescale || !num_prompts || std::isinf(renewal->rate)) return;
  // The same numbers are drawn twice, first for their sum, so that nothing is kept.
  ArrivalProcess rehearsal(*this);
  double sum = 0;
  for (std::int64_t i = 0; i < *num_prompts; ++i) sum += rehearsal.next_gap();
  stretch_ = rescale_factor(sum, *num_prompts, renewal->rate);
}

double rescale_factor(double sum_of_gaps, std::int64_t num_prompts, double rate) {
  const double wanted = static_cast<double>(num_prompts) * (kNanoseconds / rate);
  return sum_of_gaps > 0 && std::isfinite(wanted / sum_of_gaps) ? wanted / sum_of_gaps : 1;
}

ArrivalProcess::Form ArrivalProcess::make(const ArrivalConfig& config, std::optional<std::int64_t> num_prompts,
                                          std::uint64_t seed) {
  if (const auto* renewal = std::get_if<RenewalArrivals>(&config)) {
    const double mean_gap = kNanoseconds / renewal->rate;
    if (std::isinf(renewal->rate)) return AtOnce{};
    if (std::isinf(renewal->burstiness)) return Constant{mean_gap};
    if (renewal->burstiness == 1) return Poisson{mean_gap};
    return Gamma{renewal->burstiness, mean_gap / renewal->burstiness};
  }
  if (const auto* ramp = std::get_if<RampArrivals>(&config)) return Ramp{*ramp, num_prompts.value_or(1)};
  if (const auto* states = std::get_if<TwoStateArrivals>(&config)) {
    TwoState form{*states, RandomStream(seed, "arrival_states")};
    // Starts in a state drawn with its long-run share, so that no part of the run is special.
    const auto low = static_cast<double>(states->mean_low.count()),
               high = static_cast<double>(states->mean_high.count());
    form.high = form.stays.uniform() < high / (low + high);
    form.left = (form.high ? high : low) * draw_exponential(form.stays);
    return form;
  }
  if (const auto* profile = std::get_if<ProfileArrivals>(&config)) {
    Profile form{static_cast<double>(profile->period.count()) / static_cast<double>(profile->rates.size()),
                 profile->rates, 0};
    for (const double rate : profile->rates) form.arrivals_per_period += rate / kNanoseconds * form.part;
    return form;
  }
  return AtOnce{};
}

TimePoint ArrivalProcess::next() {
  const double ahead = next_gap() * stretch_ + fraction_;
  if (!(ahead < static_cast<double>(kLastArrival - now_))) {
    now_ = kLastArrival;
    return kNever;
  }
  const double whole = std::floor(ahead + 0.5);
  fraction_ = ahead - whole;
  // A carried fraction of up to half a nanosecond below never takes time back: gaps are >= 0
  // and -0.5 rounds to 0.
  now_ += static_cast<std::int64_t>(whole);
  return TimePoint{Duration{now_}};
}

double ArrivalProcess::next_gap() {
  return std::visit(
      Overloaded{[&](Poisson& p) { return p.mean_gap * draw_exponential(stream_); }, [](Constant& c) { return c.gap; },
                 [&](Gamma& g) { return g.scale * draw_gamma(g.shape, stream_); }, [](AtOnce&) { return 0.0; },
                 [&](auto& form) { return gap(form); }},
      form_);
}

double ArrivalProcess::gap(Ramp& ramp) {
  const double rate = ramp_rate(ramp.config, ramp.index++, ramp.requests);
  return renewal_gap(rate, ramp.config.burstiness, stream_);
}

// A Poisson process whose rate changes: a unit exponential is used up at the present rate.
double ArrivalProcess::gap(TwoState& states) {
  double due = draw_exponential(stream_);
  double passed = 0;
  while (true) {
    const double rate = (states.high ? states.config.high_rate : states.config.low_rate) / kNanoseconds;
    if (due <= rate * states.left) {
      const double step = due / rate;
      states.left -= step;
      return passed + step;
    }
    due -= rate * states.left;
    passed += states.left;
    states.high = !states.high;
    const Duration mean = states.high ? states.config.mean_high : states.config.mean_low;
    states.left = static_cast<double>(mean.count()) * draw_exponential(states.stays);
  }
}

double ArrivalProcess::gap(Profile& profile) {
  double due = draw_exponential(stream_);
  double passed = 0;
  if (due > profile.arrivals_per_period) {
    // Whole periods at once: a profile that is nearly always zero takes no longer.
    const double periods = std::floor(due / profile.arrivals_per_period);
    due -= periods * profile.arrivals_per_period;
    passed = periods * profile.part * static_cast<double>(profile.rates.size());
  }
  while (passed < static_cast<double>(kLastArrival)) {
    const double rate = profile.rates[profile.at] / kNanoseconds;
    const double left = profile.part - profile.into;
    if (rate > 0 && due <= rate * left) {
      profile.into += due / rate;
      return passed + due / rate;
    }
    due -= rate * left;
    passed += left;
    profile.into = 0;
    profile.at = (profile.at + 1) % profile.rates.size();
  }
  return passed;
}

double mean_rate(const ArrivalConfig& config, std::optional<std::int64_t> num_prompts) {
  if (const auto* renewal = std::get_if<RenewalArrivals>(&config)) return std::isinf(renewal->rate) ? 0 : renewal->rate;
  if (const auto* ramp = std::get_if<RampArrivals>(&config)) {
    // Requests over the sum of the mean gaps, that sum by strata when it is long.
    const std::int64_t requests = num_prompts.value_or(1);
    const std::int64_t strata = std::min<std::int64_t>(requests, 100'000);
    double gaps = 0;
    for (std::int64_t i = 0; i < strata; ++i) gaps += 1 / ramp_rate(*ramp, i, strata);
    return static_cast<double>(strata) / gaps;
  }
  if (const auto* states = std::get_if<TwoStateArrivals>(&config)) {
    const double low = to_seconds(states->mean_low), high = to_seconds(states->mean_high);
    return (states->low_rate * low + states->high_rate * high) / (low + high);
  }
  if (const auto* profile = std::get_if<ProfileArrivals>(&config)) {
    double sum = 0;
    for (const double rate : profile->rates) sum += rate;
    return sum / static_cast<double>(profile->rates.size());
  }
  return 0;
}

}  // namespace foretoken
