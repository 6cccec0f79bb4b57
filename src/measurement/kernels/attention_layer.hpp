// Whole layers of latent attention, which tables time as one, as a decode step prices them: the sum of their operators.
#pragma once

#include <string>

#include "foretoken/cost/calibration.hpp"
#include "foretoken/hardware/gpu_spec.hpp"
#include "foretoken/model/model_spec.hpp"

namespace foretoken {

struct AttentionLayer {
  std::string engine;       // as tables spell it
  std::string version;      // of the engine
  std::string projections;  // format of their weights, as tables spell it
  bool narrow_cache = false;
  int heads = 0;  // of this device
  int batch = 0, context = 0;
};

struct AttentionLayerTime {
  double core = 0;    // s; the kernel that reads the cache, with an indexer
  double beside = 0;  // s; projections, norms, rotary embedding, writing of the cache
  // s; what the table has and no serving engine: norms and rotary embedding as chains of small kernels.
  double unfused = 0;
  [[nodiscard]] double as_timed() const { return core + beside + unfused; }
};

// Without its all-reduce.
[[nodiscard]] AttentionLayerTime attention_layer_time(const AttentionLayer& layer, const GpuSpec& gpu,
                                                      const ModelSpec& model, const SharedCalibration& calibration);

}  // namespace foretoken
