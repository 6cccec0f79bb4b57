// Autoscalers in tests: times in seconds, and the settings that cases worked out by hand begin with.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "foretoken/serving/fleet_config.hpp"

namespace foretoken::test::autoscaling {

using Changes = std::vector<std::pair<double, int>>;  // when, and how many are wanted

inline Duration s(double seconds) {
  return duration_from_seconds(seconds);
}

// To the millisecond.
inline double seconds_of(TimePoint t) {
  return std::round(to_seconds(t) * 1e3) / 1e3;
}

inline TimePoint at(double seconds) {
  return TimePoint{s(seconds)};
}

inline AutoscalerConfig hpa(double target) {
  AutoscalerConfig config;
  config.policy = AutoscalerPolicy::hpa;
  config.target = target;
  config.most = 100;
  config.interval = s(15);
  config.stabilization = s(300);
  return config;
}

inline AutoscalerConfig knative() {
  AutoscalerConfig config;
  config.policy = AutoscalerPolicy::knative;
  config.target = 70;
  config.least = 0;
  config.most = 1000;
  config.interval = s(2);
  config.window = s(60);
  config.panic_window = s(6);
  config.up_rate = 1000;
  config.down_rate = 2;
  config.zero_grace = s(30);
  return config;
}

}  // namespace foretoken::test::autoscaling
