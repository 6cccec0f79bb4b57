// Renewal, ramp, burst and profile arrivals.
#include "workload/arrivals.hpp"

#include <cmath>

#include <fmt/format.h>

#include "foretoken/base/math.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr double kMaxRate = 1e9;  // per second: one request a nanosecond

double exponential(RandomStream& random) { return -exact_log(random.uniform()); }

double normal(RandomStream& random) {
  // Marsaglia's polar method.
  while (true) {
    const double u = 2 * random.uniform() - 1;
    const double v = 2 * random.uniform() - 1;
    const double s = u * u + v * v;
    if (s < 1 && s > 0) return u * std::sqrt(-2 * exact_log(s) / s);
  }
}

// Gamma with mean 1: Marsaglia and Tsang (2000); shapes below 1 by the power of a uniform.
double gamma_of_mean_one(RandomStream& random, double shape) {
  if (shape == 1) return exponential(random);
  if (std::isinf(shape)) return 1;
  const double boost = shape < 1 ? exact_pow(random.uniform(), 1 / shape) : 1;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal(random);
    const double t = 1 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t;
    if (exact_log(random.uniform()) < 0.5 * x * x + d - d * v + d * exact_log(v)) return d * v * boost / shape;
  }
}

// Seconds summed in nanoseconds as a double: exact to 1 ns for 104 days.
class Clock {
 public:
  TimePoint advance(double seconds) {
    now_ += seconds * 1e9;
    return at();
  }
  [[nodiscard]] double nanoseconds() const { return now_; }
  [[nodiscard]] TimePoint at() const {
    return now_ < 9.2e18 ? TimePoint{Duration{static_cast<std::int64_t>(now_)}} : kNever;
  }

 private:
  double now_ = 0;
};

class Renewal final : public ArrivalProcess {
 public:
  Renewal(const RenewalArrivals& c, std::int64_t requests, std::uint64_t seed)
      : c_(c), random_(seed, "arrivals"), mean_gap_(1 / c.rate) {
    if (!c.vllm_rescale || requests <= 0) return;
    // vllm bench serve stretches the gaps so that the last send is at requests/rate; a copy
    // of the stream gives their sum without keeping them.
    RandomStream ahead = random_;
    double sum = 0;
    for (std::int64_t i = 0; i < requests; ++i) sum += gamma_of_mean_one(ahead, c.burstiness);
    mean_gap_ = static_cast<double>(requests) / c.rate / sum;
  }
  TimePoint next() override { return clock_.advance(gamma_of_mean_one(random_, c_.burstiness) * mean_gap_); }

 private:
  RenewalArrivals c_;
  RandomStream random_;
  double mean_gap_;
  Clock clock_;
};

class AllAtOnce final : public ArrivalProcess {
 public:
  TimePoint next() override { return TimePoint{}; }
};

// vllm bench serve: rate of request i is s + (e - s) i/N or s (e/s)^(i/N).
class Ramp final : public ArrivalProcess {
 public:
  Ramp(const RampArrivals& c, std::int64_t requests, std::uint64_t seed)
      : c_(c), requests_(static_cast<double>(requests)), random_(seed, "arrivals") {}
  TimePoint next() override {
    const double share = std::min(1.0, index_++ / requests_);
    const double rate = c_.exponential ? c_.start_rate * exact_pow(c_.end_rate / c_.start_rate, share)
                                       : c_.start_rate + (c_.end_rate - c_.start_rate) * share;
    return clock_.advance(gamma_of_mean_one(random_, c_.burstiness) / rate);
  }

 private:
  RampArrivals c_;
  double requests_;
  double index_ = 0;
  RandomStream random_;
  Clock clock_;
};

// A Poisson process of varying rate: unit-exponential "work" is spent at the current rate.
class TwoState final : public ArrivalProcess {
 public:
  TwoState(const TwoStateArrivals& c, std::uint64_t seed)
      : c_(c), random_(seed, "arrivals"), stays_(seed, "arrival_states") {
    left_ = stay();
  }
  TimePoint next() override {
    double work = exponential(random_);
    while (true) {
      const double rate = high_ ? c_.high_rate : c_.low_rate;
      if (rate * left_ > work) {
        left_ -= work / rate;
        return clock_.advance(work / rate);
      }
      work -= rate * left_;
      if (clock_.advance(left_) == kNever) return kNever;
      high_ = !high_;
      left_ = stay();
    }
  }

 private:
  double stay() { return exponential(stays_) * to_seconds(high_ ? c_.mean_high : c_.mean_low); }

  TwoStateArrivals c_;
  RandomStream random_;
  RandomStream stays_;
  bool high_ = false;
  double left_ = 0;
  Clock clock_;
};

class Profile final : public ArrivalProcess {
 public:
  Profile(const ProfileArrivals& c, std::uint64_t seed)
      : rates_(c.rates), width_(to_seconds(c.period) / static_cast<double>(c.rates.size())), random_(seed, "arrivals") {
    left_ = width_;
  }
  TimePoint next() override {
    double work = exponential(random_);
    while (true) {
      const double rate = rates_[slice_];
      if (rate * left_ > work) {
        left_ -= work / rate;
        return clock_.advance(work / rate);
      }
      work -= rate * left_;
      if (clock_.advance(left_) == kNever) return kNever;
      slice_ = slice_ + 1 == rates_.size() ? 0 : slice_ + 1;
      left_ = width_;
    }
  }

 private:
  std::vector<double> rates_;
  double width_;  // seconds that one rate holds
  RandomStream random_;
  std::size_t slice_ = 0;
  double left_ = 0;
  Clock clock_;
};

struct Problem {
  static std::string rate(const char* name, double value, bool zero_allowed = false) {
    if (value <= kMaxRate && (value > 0 || (zero_allowed && value == 0))) return {};
    return fmt::format("{} must be above 0 and at most {:g} per second, got {:g}", name, kMaxRate, value);
  }
  static std::string burstiness(double value) {
    return value > 0.001 ? std::string{} : fmt::format("burstiness must be above 0.001 (1 = Poisson, .inf = constant), got {:g}", value);
  }
  std::string operator()(const RenewalArrivals& c) const {
    const std::string p = rate("request_rate", c.rate);
    return p.empty() ? burstiness(c.burstiness) : p;
  }
  std::string operator()(const AllAtOnceArrivals&) const { return {}; }
  std::string operator()(const RampArrivals& c) const {
    if (auto p = rate("ramp_up_start_rps", c.start_rate); !p.empty()) return p;
    if (auto p = rate("ramp_up_end_rps", c.end_rate); !p.empty()) return p;
    return burstiness(c.burstiness);
  }
  std::string operator()(const TwoStateArrivals& c) const {
    if (auto p = rate("low_rate", c.low_rate, true); !p.empty()) return p;
    if (auto p = rate("high_rate", c.high_rate); !p.empty()) return p;
    return c.mean_low > Duration{} && c.mean_high > Duration{} ? std::string{} : "both states must last longer than 0";
  }
  std::string operator()(const ProfileArrivals& c) const {
    if (c.rates.empty() || c.period <= Duration{}) return "a rate profile needs a period above 0 and at least one rate";
    double sum = 0;
    for (const double r : c.rates) {
      if (auto p = rate("a rate of the profile", r, true); !p.empty()) return p;
      sum += r;
    }
    return sum > 0 ? std::string{} : "a rate profile needs at least one rate above 0";
  }
  std::string operator()(const TraceConfig& c) const {
    const auto scale = [](double s) { return s > 0 && s <= 1e9; };
    if (!scale(c.time_scale) || !scale(c.rate_scale)) return "time_scale and rate_scale must be above 0 and at most 1e9";
    if (c.start && c.end && *c.start >= *c.end) return "the slice's start must be before its end";
    return {};
  }
};

}  // namespace

std::string arrival_problem(const ArrivalConfig& config) { return std::visit(Problem{}, config); }

std::unique_ptr<ArrivalProcess> make_arrival_process(const ArrivalConfig& config, std::int64_t requests,
                                                     std::uint64_t seed) {
  if (const auto* c = std::get_if<RenewalArrivals>(&config)) return std::make_unique<Renewal>(*c, requests, seed);
  if (const auto* c = std::get_if<RampArrivals>(&config)) return std::make_unique<Ramp>(*c, requests, seed);
  if (const auto* c = std::get_if<TwoStateArrivals>(&config)) return std::make_unique<TwoState>(*c, seed);
  if (const auto* c = std::get_if<ProfileArrivals>(&config)) return std::make_unique<Profile>(*c, seed);
  if (std::holds_alternative<AllAtOnceArrivals>(config)) return std::make_unique<AllAtOnce>();
  throw InternalError("a trace has its times in its rows");
}

}  // namespace foretoken
