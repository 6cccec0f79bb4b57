// How long an engine takes from its start until it serves (src/cost/README.md, "Cold start").
#pragma once

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

enum class CompileCache {
  cold,    // the model is compiled
  cached,  // what was compiled on this node before is found
  off,     // nothing is compiled (enforce_eager)
};

// In seconds, in the order in which they come.
struct ColdStartParts {
  double bootstrap = 0;  // process, imports, CUDA context
  double weights = 0;    // from storage to the GPUs
  double trace = 0;      // torch.compile's Dynamo
  double compile = 0;
  double profile = 0;  // of the KV cache's room
  double graphs = 0;   // capture of CUDA graphs
  double rest = 0;     // until the server answers

  [[nodiscard]] double loading() const { return bootstrap + weights; }
  [[nodiscard]] double warming() const { return trace + compile + profile + graphs + rest; }
};

// weight_bytes: that one node reads; bytes_per_second: of its storage.
[[nodiscard]] ColdStartParts cold_start_of(const Deployment& deployment, double weight_bytes, double bytes_per_second,
                                           CompileCache cache);

}  // namespace foretoken
