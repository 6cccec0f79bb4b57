// Exact waits of queues: means and percentiles that a simulation's intervals must hold.
#pragma once

#include <cmath>
#include <complex>
#include <functional>
#include <vector>

#include "support/erlang.hpp"

namespace foretoken::test {

// P(wait > t) of a queue whose requests are served in the order of their arrival, t >= 0 in seconds.
using WaitTail = std::function<double(double)>;

// P(wait <= quantile) = q.
inline double quantile_of(const WaitTail& tail, double q) {
  double low = 0, high = 1e-6;
  if (tail(0) <= 1 - q) return 0;
  while (tail(high) > 1 - q) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (tail(middle) > 1 - q ? low : high) = middle;
  }
  return (low + high) / 2;
}

// Service times of finitely many values.
struct ServiceTimes {
  std::vector<double> seconds;
  std::vector<double> shares;
  [[nodiscard]] double moment(int power) const {
    double sum = 0;
    for (std::size_t i = 0; i < seconds.size(); ++i) sum += shares[i] * std::pow(seconds[i], power);
    return sum;
  }
};

// Pollaczek-Khinchine: the transform of the tail of the wait in M/G/1 is (1 - w(s)) / s with w(s) = (1 - rho) s /
// (s - lambda (1 - S(s))); inverted by the Euler method (Abate and Whitt 1995), good to about 1e-6.
inline WaitTail mg1_tail(double rate, const ServiceTimes& service) {
  return [rate, service](double t) {
    const double rho = rate * service.moment(1);
    if (t <= 0) return rho;
    using Complex = std::complex<double>;
    const auto tail = [&](Complex s) {
      Complex transform = 0;
      for (std::size_t i = 0; i < service.seconds.size(); ++i)
        transform += service.shares[i] * std::exp(-s * service.seconds[i]);
      const Complex wait = (1 - rho) * s / (s - rate * (1.0 - transform));
      return (1.0 - wait) / s;
    };
    constexpr double kA = 18.4;
    constexpr int kTerms = 40, kAveraged = 12;
    double sum = tail(Complex(kA / (2 * t), 0)).real() / 2;
    std::vector<double> partial;
    double sign = -1;
    for (int k = 1; k <= kTerms + kAveraged; ++k, sign = -sign) {
      sum += sign * tail(Complex(kA / (2 * t), k * M_PI / t)).real();
      if (k >= kTerms) partial.push_back(sum);
    }
    double average = 0, weight = std::pow(2.0, -kAveraged);
    for (int k = 0; k <= kAveraged; ++k) {
      average += weight * partial[static_cast<std::size_t>(k)];
      weight *= static_cast<double>(kAveraged - k) / (k + 1);
    }
    return std::exp(kA / 2) / t * average;
  };
}
inline double mg1_mean(double rate, const ServiceTimes& service) {
  return rate * service.moment(2) / (2 * (1 - rate * service.moment(1)));
}

// Waits that are exponential where there is one.
struct ExponentialWait {
  double waits = 0;  // P(wait > 0)
  double decay = 1;  // per second
  [[nodiscard]] double mean() const { return waits / decay; }
  [[nodiscard]] WaitTail tail() const {
    return [*this](double t) { return waits * std::exp(-decay * t); };
  }
};
// M/M/c.
inline ExponentialWait mmc_wait(int servers, double load, double service) {
  return {erlang_c(servers, servers * load), servers * (1 - load) / service};
}
// Of one of n M/M/1 that get a Poisson stream in turn: E_n/M/1, whose sigma solves sigma = A(mu (1 - sigma)) with the
// transform A of n exponential gaps (Kleinrock, Queueing Systems 1, 6.4).
inline ExponentialWait round_robin_wait(int queues, double load, double service) {
  const double gap_rate = queues * load / service;
  double sigma = load;
  for (int i = 0; i < 10'000; ++i) sigma = std::pow(gap_rate / (gap_rate + (1 - sigma) / service), queues);
  return {sigma, (1 - sigma) / service};
}

}  // namespace foretoken::test
