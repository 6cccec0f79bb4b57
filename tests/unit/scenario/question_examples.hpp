// Values that keys of questions may have: see field_effects_test.cpp.
#pragma once

#include "unit/scenario/fleet_examples.hpp"

namespace foretoken::test {

inline std::map<std::string, Example> question_examples() {
  return {
      {"study.confidence", {"0.9"}},       {"study.until", {"['p99_ttft +- 3 %']"}}, {"study.max_replications", {"20"}},
      {"study.max_requests", {"1000000"}}, {"capacity.variable", {"users"}},         {"capacity.precision", {"0.05"}},
      {"capacity.growth", {"5 %/month"}},  {"promise.input_len", {"[512, 2048]"}},   {"promise.output_len", {"[128]"}},
      {"promise.precision", {"0.2"}},
  };
}

}  // namespace foretoken::test
