// The parts of a start against starts that were measured (src/cost/README.md, "Cold start").
#include "foretoken/cost/cold_start.hpp"

#include <gtest/gtest.h>

namespace foretoken {
namespace {

// upb-cn/vllm-startup-profiler 9ef96f47, one H100 NVL, vLLM 0.10.1.1: totals in seconds.
struct Measured {
  const char* model;
  int layers;
  double bytes, bandwidth;
  CompileCache cache;
  double total;
};
constexpr Measured kMeasured[] = {
    {"Llama-3.2-3B", 28, 6.43e9, 7.7e9, CompileCache::cold, 37.1},
    {"Llama-2-7B", 32, 13.48e9, 7.7e9, CompileCache::cold, 39.1},
    {"Llama-2-13B", 40, 26.03e9, 7.7e9, CompileCache::cold, 48.1},
    {"Llama-3.2-3B", 28, 6.43e9, 0.54e9, CompileCache::cached, 33.9},
    {"Llama-2-7B", 32, 13.48e9, 0.54e9, CompileCache::cached, 47.6},
    {"Llama-2-13B", 40, 26.03e9, 0.54e9, CompileCache::cached, 74.5},
};

Deployment of_layers(int layers) {
  Deployment d;
  d.model.layers = layers;
  return d;
}

TEST(ColdStart, IsWithinSevenPercentOfMeasuredStarts) {
  for (const Measured& m : kMeasured) {
    const ColdStartParts parts = cold_start_of(of_layers(m.layers), m.bytes, m.bandwidth, m.cache);
    EXPECT_NEAR((parts.loading() + parts.warming()) / m.total, 1, 0.07) << m.model;
  }
}

TEST(ColdStart, EagerEnginesCompileAndCaptureNothing) {
  Deployment eager = of_layers(32);
  eager.cuda_graph_max_rows = 0;
  const ColdStartParts parts = cold_start_of(eager, 16e9, 2e9, CompileCache::off);
  EXPECT_DOUBLE_EQ(parts.weights, 8);
  EXPECT_DOUBLE_EQ(parts.trace + parts.compile + parts.graphs, 0);
  EXPECT_DOUBLE_EQ(parts.warming(), 4);
}

}  // namespace
}  // namespace foretoken
