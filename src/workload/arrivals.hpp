// When requests are meant to be sent: a sequence of times that never decreases.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

// Gaps between arrivals are computed in double nanoseconds and summed with the fraction
// carried, so that rounding to whole nanoseconds does not add up.
class ArrivalProcess {
 public:
  // `config` has passed check_workload() and is no trace. The first arrival waits its own gap.
  ArrivalProcess(const ArrivalConfig& config, std::optional<std::int64_t> num_prompts, std::uint64_t seed);

  // The next time; kNever once times leave the representable range.
  [[nodiscard]] TimePoint next();

 private:
  struct AtOnce {};
  struct Poisson {
    double mean_gap;
  };
  struct Constant {
    double gap;
  };
  struct Gamma {
    double shape, scale;
  };
  struct Ramp {
    RampArrivals config;
    std::int64_t requests;
    std::int64_t index = 0;
  };
  struct TwoState {
    TwoStateArrivals config;
    RandomStream stays;
    bool high = false;
    double left = 0;  // of the present stay, ns
  };
  struct Profile {
    double part;  // ns for which one rate holds
    std::vector<double> rates;
    double arrivals_per_period;
    std::size_t at = 0;
    double into = 0;  // ns since the part began
  };

  using Form = std::variant<Poisson, Constant, Gamma, AtOnce, Ramp, TwoState, Profile>;

  [[nodiscard]] static Form make(const ArrivalConfig& config, std::optional<std::int64_t> num_prompts,
                                 std::uint64_t seed);
  [[nodiscard]] double next_gap();
  [[nodiscard]] double gap(Ramp& ramp);
  [[nodiscard]] double gap(TwoState& states);
  [[nodiscard]] double gap(Profile& profile);

  RandomStream stream_;
  Form form_;
  std::int64_t now_ = 0;
  double fraction_ = 0;
  double stretch_ = 1;
};

// The mean number of requests per second that `config` offers; 0 for all at once and traces.
[[nodiscard]] double mean_rate(const ArrivalConfig& config, std::optional<std::int64_t> num_prompts);

// vllm bench serve scales the gaps it drew so that the last request is sent at
// num_prompts / rate: the factor for gaps (in ns) of that sum; 1 when there is none.
[[nodiscard]] double rescale_factor(double sum_of_gaps, std::int64_t num_prompts, double rate);

// The rate at which ramp request `index` of `requests` follows the one before.
[[nodiscard]] double ramp_rate(const RampArrivals& ramp, std::int64_t index, std::int64_t requests);

}  // namespace foretoken
