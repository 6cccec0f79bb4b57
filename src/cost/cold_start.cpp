// The parts of an engine's start, fitted to starts of vLLM that were measured (src/cost/README.md, "Cold start").
#include "foretoken/cost/cold_start.hpp"

namespace foretoken {
namespace {

// Fit on the dense models of vLLM 0.10.1.1 on one H100 NVL, 28 to 48 layers (upb-cn/vllm-startup-profiler 9ef96f47,
// data of "Breaking the Ice", MLSys'26, arXiv 2606.07362); seconds. Start-up is bound by the CPU: what the GPU is
// matters little.
constexpr double kBootstrap = 8.7;
constexpr double kTrace = 0.22, kTracePerLayer = 0.166;     // within 0.2 s
constexpr double kCompile = 4.4, kCompilePerLayer = 0.407;  // within 0.7 s
constexpr double kCached = 0.13, kCachedPerLayer = 0.143;   // within 0.2 s
constexpr double kGraphs = 0.31, kGraphsPerLayer = 0.027;   // of 67 sizes
constexpr double kProfile = 3.0;                            // 1.8 to 5.7
constexpr double kRest = 1.0;

}  // namespace

ColdStartParts cold_start_of(const Deployment& deployment, double weight_bytes, double bytes_per_second,
                             CompileCache cache) {
  const double layers = deployment.model.layers;
  ColdStartParts parts;
  parts.bootstrap = kBootstrap;
  parts.weights = weight_bytes / bytes_per_second;
  parts.profile = kProfile;
  parts.rest = kRest;
  if (deployment.cuda_graph_max_rows > 0) parts.graphs = kGraphs + kGraphsPerLayer * layers;
  if (cache == CompileCache::off) return parts;
  parts.trace = kTrace + kTracePerLayer * layers;
  parts.compile =
      cache == CompileCache::cold ? kCompile + kCompilePerLayer * layers : kCached + kCachedPerLayer * layers;
  return parts;
}

}  // namespace foretoken
