// Engine settings that a source's public launch scripts state and its results do not.
#pragma once

#include <string>

#include "measurement/accuracy/point.hpp"

namespace foretoken {

struct Recipe {
  std::string kv_cache_dtype;  // empty: not stated
  std::string engine;          // lines of the scenario's `engine` map
  std::string cost = {};       // line of its `cost` map
  bool static_scales = false;  // of an 8-bit checkpoint's activations, where engines of its group have others
  bool chunked = false;        // prompts are cut
  bool bench_limits = false;   // requests and tokens of a step are what `trtllm-bench` makes of the lengths
  bool cold = false;           // the engine compiles kernels for the first prompts, and nothing was sent before them
  int rounds = 10;             // requests of a closed loop over those at once
  // What the script itself chose and the source's columns do not know.
  bool spreads_experts = false;
  bool attention_ranks = false;
};

// Of the benchmark that the row comes from, at the row's date; empty when no script is known.
[[nodiscard]] Recipe recipe_of(const Point& point);

}  // namespace foretoken
