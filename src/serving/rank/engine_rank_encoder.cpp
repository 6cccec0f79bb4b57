// A rank whose requests bring images or sound: the encoder works before the language model, in the same step
// (src/serving/README.md, "Images and audio").
#include "serving/rank/engine_rank.hpp"

namespace foretoken {

StepTime EngineRank::time_with_encoder() {
  const std::span<const EncodedItem> encodes = rank_.encoder->planned();
  const StepTime time = cost_.step({chunks_, shape_, {}, 0, encodes});
  FineDuration alone;
  if (!encodes.empty()) {
    alone = time.total();
    alone -= cost_.step({chunks_, shape_}).total();
  }
  rank_.encoder->begin_step(alone);
  usage_.encoded(rank_.encoder->totals());
  return time;
}

}  // namespace foretoken
